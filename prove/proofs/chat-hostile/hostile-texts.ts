import { parse } from '../../../test/chat/discord/discord-markdown.ts';
import type { MessageBody } from '../../../test/chat/discord/stand-in/world.ts';
import { decodeMarkup } from '../../../test/chat/slack/stand-in/decode.ts';
import type { Rehearsal } from '../../chat/rehearsal.ts';
import { type Act, eventually } from '../../proof.ts';
import { hostilePeople, namedAsText } from './people.ts';
import { judge, readDiscord, readSlack } from './reading.ts';
import {
  delivered,
  playAgain,
  playHostile,
  playWell,
  SERVICES,
  type Stages,
  startRehearsal,
} from './systems.ts';
import { ALL, PIECES, UNSEEN } from './texts.ts';

/** Text from watched systems and from people: nothing of it mentions, links or formats, and all of it arrives. */
export async function hostileTexts(act: Act, stages: Stages): Promise<void> {
  decodersSee(act);
  const bot = await startRehearsal(act, stages);
  playHostile(bot);
  await eventually('a thread for each', () => (incidents(bot) >= SERVICES.length ? true : undefined), 30_000);
  await advised(bot, stages);
  await delivered(bot, 'an empty outbox after the findings');
  act.say(`${bot.posts().length} posts delivered to both platforms`);
  const modals = await hostilePeople(act, bot, stages);
  playWell(bot);
  await eventually('resolved heads', () => resolved(stages) || undefined, 120_000);
  await delivered(bot, 'an empty outbox at the end');
  namedAsText(act, stages);

  const wanted = expectations(bot, stages);
  const slack = readSlack(stages.slack.standIn, wanted.slack);
  const discord = readDiscord(stages.discord.standIn, modals, wanted.discord);
  for (const [name, reading] of [
    ['slack', slack],
    ['discord', discord],
  ] as const) {
    judge(act, name, reading, 500);
    act.check(
      `${name}: our own calls do mention`,
      reading.called >= 2,
      `${reading.called} mentions of ada and @oncall`,
    );
  }
  accepted(act, bot, stages);
  await bot.kill();
}

/** Heads give advice once no cause was found for a while, and are edited as the findings go on. */
async function advised(bot: Rehearsal, { slack, discord }: Stages): Promise<void> {
  let round = 0;
  await eventually(
    'advice in the heads',
    () => {
      round += 1;
      playAgain(bot, round);
      return [slack, discord].every((stage) => /Advice:/.test(JSON.stringify(stage.cards()))) || undefined;
    },
    90_000,
    5_000,
  );
}

/** What the texts would do if they were let: a reader that finds nothing shows nothing. */
function decodersSee(act: Act): void {
  const slack = decodeMarkup(ALL);
  const found = [slack.mentions, slack.links, slack.emojis, slack.formats].map(({ length }) => length);
  act.check(
    'raw, the texts would mention, link and format in Slack',
    found.every((count) => count >= 2),
    `${found.join(', ')} mentions, links, emoji, formats`,
  );
  const kinds = new Set(PIECES.flatMap((piece) => parse(piece).map(({ type }) => type)));
  const missing = [
    'mention',
    'link',
    'emoji',
    'emphasis',
    'strong',
    'underline',
    'strike',
    'spoiler',
    'code',
    'fence',
    'quote',
    'heading',
    'subtext',
    'list',
    'time',
  ].filter((kind) => !kinds.has(kind));
  act.check(
    'and in Discord, in every way that there is',
    missing.length === 0,
    missing.join(' ') || `${kinds.size} kinds`,
  );
  act.check('and hide, turn and break', UNSEEN.test(ALL));
}

function accepted(act: Act, bot: Rehearsal, { slack, discord }: Stages): void {
  for (const stage of [slack, discord]) {
    const states = bot.read<{ state: string; n: number }>(
      'select state, count(*) as n from outbox where platform = ? group by state',
      stage.platform,
    );
    act.check(
      `${stage.platform}: every message was accepted`,
      states.length === 1 && states[0]?.state === 'sent',
      states.map(({ state, n }) => `${n} ${state}`).join(', '),
    );
    const files = stage.platform === 'slack' ? slack.standIn.world.files.size : filesOf(discord);
    act.check(
      `${stage.platform}: the whole of what was cut goes along as a file`,
      files >= 2,
      `${files} files`,
    );
  }
  const refused = bot
    .log()
    .split('\n')
    .filter((line) =>
      /refuse[sd] (a card|a message|an answer)|cannot be rendered|could not be (given|worked)|given up/.test(
        line,
      ),
    );
  act.check('and none had to go as plain text', refused.length === 0, refused[0]?.slice(0, 300) ?? 'none');
  const errors = bot
    .log()
    .split('\n')
    .filter((line) => /"level":(50|60)/.test(line));
  act.check('the log has no error', errors.length === 0, errors[0]?.slice(0, 400) ?? 'none');
}

function filesOf({ standIn }: Stages['discord']): number {
  return [...standIn.world.messages.values()].filter(({ files }) => files.length > 0).length;
}

function incidents(bot: Rehearsal): number {
  return bot.read<{ n: number }>('select count(*) as n from incidents')[0]?.n ?? 0;
}

function resolved({ slack, discord }: Stages): boolean {
  return [slack, discord].every(
    (stage) => stage.cards().filter(({ text }) => /RESOLVED/.test(text)).length >= SERVICES.length,
  );
}

/** Mentions that the posts themselves ask for, as each platform writes them. */
function expectations(bot: Rehearsal, { slack, discord }: Stages) {
  const names = new Map(
    bot.posts().map(({ id, json }) => [id, (JSON.parse(json) as { mentions?: string[] }).mentions ?? []]),
  );
  const rows = new Map(
    bot.read<{ id: number; post: string }>('select id, post from outbox').map(({ id, post }) => [id, post]),
  );
  const role = [...discord.standIn.world.roles.values()].find(({ name }) => name === 'oncall')?.id;
  return {
    slack: (post: string) =>
      (names.get(post) ?? []).map((name) => (name === 'ada' ? `@${slack.ids.ada}` : '!subteam^S0ONCALL')),
    discord: (body: MessageBody) => {
      const row = Number(/w·(\d+)/.exec(JSON.stringify(body))?.[1] ?? -1);
      return (names.get(rows.get(row) ?? '') ?? []).map((name) =>
        name === 'ada' ? `<@${discord.ids.ada}>` : `<@&${role}>`,
      );
    },
  };
}
