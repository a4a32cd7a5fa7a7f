import type { Misbehaviour } from '../../test/chat/discord/stand-in/rules.ts';
import { DiscordStandIn } from '../../test/chat/discord/stand-in/stand-in.ts';
import type { MessageBody, StoredMessage } from '../../test/chat/discord/stand-in/world.ts';
import type { Card, ChatStage, Moment, Spoil, Who } from './stage.ts';

const IDS: Readonly<Record<Who, string>> = {
  ada: '7700000000000000101',
  ben: '7700000000000000102',
  otto: '7700000000000000103',
  eve: '7700000000000000104',
};

const MISDEEDS: Readonly<Record<Spoil, Misbehaviour>> = {
  'rate limit': { kind: 'rate-limit', seconds: 1 },
  outage: { kind: 'status', status: 502 },
  'lost before': { kind: 'reset-before' },
  'lost after': { kind: 'reset-after' },
  late: { kind: 'reorder', ms: 700 },
};

const POSTED = /^\/channels\/\d+\/messages$/;
const STRUCK: Readonly<Record<Moment, { readonly method?: string; readonly path: RegExp }>> = {
  asked: { method: 'POST', path: POSTED },
  done: { method: 'POST', path: POSTED },
  answered: { path: /^\/channels\/\d+\/messages(\/\d+)?$/ },
  searched: { method: 'GET', path: POSTED },
};

/** The outbox row that a message names small at its foot. */
function rowOf({ embeds, content }: MessageBody): number[] {
  const texts = [...(embeds ?? []).map((embed) => embed.footer?.text ?? ''), content ?? ''];
  const found = texts.map((text) => /w·(\d+)/.exec(text)?.[1]).find((row) => row !== undefined);
  return found === undefined ? [] : [Number(found)];
}

/** Discord's stand-in, with the people of the lab as members of the guild. */
export async function discordStage(): Promise<ChatStage & { readonly standIn: DiscordStandIn }> {
  const standIn = new DiscordStandIn();
  for (const [username, id] of Object.entries(IDS)) standIn.world.addMember({ id, username });
  await standIn.start();
  let spoilt = 0;
  const { world } = standIn;
  const cardsOf = (channel: string) =>
    world
      .shown(channel)
      .filter((message) => message.author === world.botUser)
      .map(cardOf);
  return {
    standIn,
    platform: 'discord',
    settings: {
      ...{ guild: world.guild, channel: world.channel, api: standIn.api },
      token: { env: 'PROVE_DISCORD_TOKEN' },
    },
    env: { PROVE_DISCORD_TOKEN: standIn.token },
    ids: IDS,
    connected: () => world.commands.length > 0,
    cards: () => cardsOf(world.channel),
    replies: (card) => cardsOf(card.id),
    press: async (who, card, label) => seen((await standIn.press(IDS[who], card.id, label)).text),
    command: async (who, text) => {
      const [name = '', ...words] = text.split(' ');
      const options = optionsOf(standIn, name, words);
      return seen((await standIn.command(IDS[who], name, options)).text);
    },
    kept: () =>
      [...world.messages.values()]
        .filter((message) => message.author === world.botUser && !message.ephemeral)
        .map((message) => ({
          id: message.id,
          thread: message.channel === world.channel ? undefined : message.channel,
          at: message.at,
          rows: [...message.history, message.body].flatMap(rowOf),
        })),
    type: (who, text, times = 1) => {
      const [name = '', ...words] = text.split(' ');
      const exchange = standIn.command(IDS[who], name, optionsOf(standIn, name, words), { times });
      return {
        acknowledgedMs: exchange.then(
          ({ acknowledgedMs }) => acknowledgedMs,
          () => undefined,
        ),
      };
    },
    answers: () =>
      [...world.messages.values()]
        .filter((message) => message.ephemeral)
        .map((message) => cardOf(message).text),
    spoil: (what) => {
      if (standIn.struck < spoilt) return;
      spoilt += 1;
      standIn.misbehave({ path: /messages/, times: 1, how: MISDEEDS[what] });
    },
    strike: (moment, hit, passing = 0) => {
      standIn.behave();
      standIn.misbehave({
        ...{ ...STRUCK[moment], times: 1, after: passing },
        how: moment === 'answered' ? { kind: 'delay', ms: 0 } : { kind: 'silent', done: moment === 'done' },
      });
      const from = standIn.struck;
      const look = setInterval(() => {
        if (standIn.struck === from) return;
        clearInterval(look);
        hit();
      }, 1);
      look.unref();
    },
    stop: () => standIn.stop(),
  };
}

/** Words in the order of the command's own options; the last one takes what is left. */
function optionsOf(standIn: DiscordStandIn, name: string, words: readonly string[]): Record<string, string> {
  const command = standIn.world.commands.find((one) => one.name === 'launch');
  const options = command?.options?.find((one) => one.name === name)?.options ?? [];
  return Object.fromEntries(words.map((word, i) => [options[i]?.name ?? 'unknown', word]));
}

/** Markdown as a person sees it: without the backslashes and marks. */
function seen(markdown: string): string {
  return markdown
    .replace(/^(#{1,3}|-#) /gm, '')
    .replace(/\*\*/g, '')
    .replace(/\\([^A-Za-z0-9\s])/g, '$1')
    .trim();
}

function cardOf(message: StoredMessage): Card {
  const { content, embeds, components } = message.body;
  return {
    id: message.id,
    text: seen([content ?? '', ...(embeds ?? []).map((embed) => embed.description ?? '')].join('\n')),
    buttons: (components ?? [])
      .flatMap((row) => row.components ?? [])
      .filter((button) => !button.disabled)
      .map((button) => button.label ?? ''),
    edits: message.edited,
    pinned: message.pinned,
  };
}
