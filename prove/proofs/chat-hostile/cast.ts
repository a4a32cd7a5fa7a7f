import { readFileSync, writeFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';
import { PERMISSIONS } from '../../../test/chat/discord/stand-in/world.ts';
import { OTHER } from '../../../test/chat/slack/stand-in/index.ts';
import { type Actor, onDiscord, onSlack } from './acts.ts';
import type { Stages } from './systems.ts';

/** Accounts that may do nothing, although the config gives all but two of them every right. */
export interface Cast {
  /** Refused, and written down. */
  readonly refused: readonly Actor[];
  /** Told that they are in the wrong place; not looked at any further. */
  readonly elsewhere: readonly Actor[];
  /** ben, while the platform says nothing of him. */
  readonly mute: Actor;
}

const GUEST_FLAG = 1 << 4;
const LISTED = {
  robot: ['U0ROBOT', '7700000000000000201'],
  guest: ['U0GUEST', '7700000000000000202'],
  single: ['U0SINGLE', '7700000000000000203'],
  gone: ['U0GONE', '7700000000000000204'],
  strange: ['U0STRANGE', '7700000000000000205'],
  foreign: ['U0FOREIGN', '7700000000000000206'],
  carl: ['U0CARL', '7700000000000000207'],
} as const;
const BEN_TOO = ['U0BENTOO', '7700000000000000301'] as const;

/** They come to be on both platforms. */
export function castOf({ slack, discord }: Stages): Cast {
  const { world } = slack.standIn;
  world.users.set(BEN_TOO[0], { id: BEN_TOO[0], name: 'ben', team_id: world.team });
  world.launch.members.add(BEN_TOO[0]);
  const guild = discord.standIn.world;
  const { robot, guest, single, gone, strange, foreign, carl } = LISTED;
  guild.addMember({ id: robot[1], username: 'robot', bot: true });
  guild.addMember({ id: guest[1], username: 'guest' }, { flags: GUEST_FLAG });
  guild.addMember({ id: single[1], username: 'single' }, { pending: true });
  guild.addMember({ id: gone[1], username: 'deleted_user_0a1b2c3d' });
  guild.addMember({ id: carl[1], username: 'carl' });
  guild.addMember({ id: BEN_TOO[1], username: 'ben' });
  // The launch channel is private: all but carl may see it.
  const view = String(PERMISSIONS.ViewChannel);
  const inside = [...guild.members.keys()].filter((id) => id !== carl[1]);
  guild.overwrites = [
    { id: guild.guild, type: 0, allow: '0', deny: view },
    ...inside.map((id) => ({ id, type: 1 as const, allow: view, deny: '0' })),
  ];
  const s = (name: string, id: string, more = {}) => onSlack(slack, `${name} on slack`, id, more);
  const d = (name: string, id: string, more = {}) => onDiscord(discord, `${name} on discord`, id, more);
  return {
    refused: [
      s('a bot', robot[0]),
      s('a guest', guest[0]),
      s('a single-channel guest', single[0]),
      s('a deleted user', gone[0]),
      s('a stranger of a shared channel', strange[0]),
      s('a user of another workspace', foreign[0]),
      s('a member outside of the channel', carl[0], { channel: OTHER }),
      s('somebody unlisted', slack.ids.eve),
      s("ben's second account", BEN_TOO[0]),
      d('a bot', robot[1]),
      d('a guest', guest[1]),
      d('a member who has not passed the rules', single[1]),
      d('a deleted user', gone[1]),
      d('a user who is no member', strange[1]),
      d('a member outside of the channel', carl[1], { channel: guild.otherChannel }),
      d('somebody unlisted', discord.ids.eve),
      d("ben's second account", BEN_TOO[1]),
    ],
    elsewhere: [
      d('ada from another server', discord.ids.ada, { guild: '7700000000000009999' }),
      d('ada in a direct message', discord.ids.ada, { guild: null }),
    ],
    mute: s('ben unvouched', slack.ids.ben),
  };
}

/** Every right for those who may use none: what an account is weighs more than what the config says. */
export function listCast(config: string): void {
  const read = parse(readFileSync(config, 'utf8')) as { people: Record<string, object> };
  const may = ['see', 'operate', 'approve'];
  for (const [name, [slack, discord]] of Object.entries(LISTED)) read.people[name] = { slack, discord, may };
  writeFileSync(config, stringify(read, { lineWidth: 0 }));
}
