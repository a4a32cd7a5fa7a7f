import { kinds, parse, shownText } from '../../../test/chat/discord/discord-markdown.ts';
import type { DiscordStandIn } from '../../../test/chat/discord/stand-in/stand-in.ts';
import type { Modal } from '../../../test/chat/discord/stand-in/validate.ts';
import type { MessageBody } from '../../../test/chat/discord/stand-in/world.ts';
import { type Decoded, decodeBlocks, decodeMarkup } from '../../../test/chat/slack/stand-in/decode.ts';
import type { SlackStandIn } from '../../../test/chat/slack/stand-in/index.ts';
import type { Act } from '../../proof.ts';
import { MARKED, UNSEEN } from './texts.ts';

/** What stands on a platform, read as its clients would, and what in it is more than text. */
export interface Reading {
  /** Texts looked at. */
  readonly looked: number;
  readonly characters: number;
  readonly problems: readonly string[];
  /** Mentions that are ours, by message. */
  readonly called: number;
}

/** Whom a message should mention: the ids, by what the message says it is. */
export type Expected = (key: string) => readonly string[];

class Reader {
  looked = 0;
  characters = 0;
  called = 0;
  readonly problems: string[] = [];

  fault(where: string, what: string): void {
    this.problems.push(`${where}: ${what}`);
  }

  /** What a person sees of a text: nothing unseen in it, no mark used up, nothing cut without a word. */
  shown(where: string, text: string, allowed = ''): void {
    this.looked += 1;
    this.characters += text.length;
    const visible = text.replaceAll('\n', '').replaceAll(allowed === '' ? '\n' : allowed, '');
    const unseen = UNSEEN.exec(visible);
    if (unseen) this.fault(where, `U+${unseen[0].codePointAt(0)?.toString(16)} in it`);
    for (const [word, before] of MARKED)
      for (let at = visible.indexOf(word); at >= 0; at = visible.indexOf(word, at + 1))
        if (!before.test(visible.slice(Math.max(0, at - 4), at)))
          this.fault(where, `"${visible.slice(Math.max(0, at - 6), at + 12)}" lost its mark`);
    if (/evillong/.test(visible) && !/evilend/.test(visible) && !/…/.test(visible))
      this.fault(where, 'it was cut without a word');
  }

  only(where: string, what: string, found: readonly string[], wanted: readonly string[] = []): void {
    if ([...found].sort().join() !== [...wanted].sort().join())
      this.fault(
        where,
        `${what} ${found.slice(0, 3).join(' ') || 'nothing'} instead of ${wanted.join(' ') || 'none'}`,
      );
    else if (what === 'mentions') this.called += found.length;
  }
}

const JOINER = '\u2060';

export function readSlack({ world, calls }: SlackStandIn, expected: Expected): Reading {
  const reader = new Reader();
  const decoded = (where: string, found: Decoded, wanted: readonly string[] = []) => {
    reader.only(where, 'mentions', found.mentions, wanted);
    reader.only(where, 'links', found.links);
    reader.only(where, 'emoji', found.emojis);
    reader.only(where, 'formats', found.formats);
  };
  const card = (where: string, text: string, blocks: unknown, wanted: readonly string[] = []) => {
    const rich = decodeBlocks(blocks);
    decoded(`${where} blocks`, rich, wanted);
    reader.shown(`${where} blocks`, rich.text, JOINER);
    const plain = decodeMarkup(text);
    decoded(`${where} notification`, plain, wanted);
    reader.looked += 1;
    const unseen = UNSEEN.exec(plain.text.replaceAll('\n', '').replaceAll(JOINER, ''));
    if (unseen) reader.fault(`${where} notification`, `U+${unseen[0].codePointAt(0)?.toString(16)} in it`);
  };
  for (const channel of world.channels.values())
    for (const message of channel.messages) {
      const wanted = expected(String(message.metadata?.event_payload['post'] ?? ''));
      for (const state of [...message.edits, message])
        card(`slack ${message.ts}`, state.text, state.blocks, wanted);
    }
  for (const [i, one] of world.ephemerals.entries()) card(`slack answer ${i}`, one.text, one.blocks);
  for (const { id, view } of world.views) {
    const form = decodeBlocks([view['title'], view['blocks']]);
    decoded(`slack form ${id}`, form);
    reader.shown(`slack form ${id}`, form.text, JOINER);
  }
  for (const file of world.files.values())
    reader.shown(`slack file ${file.name}`, `${file.name}${file.content}`);
  for (const { method, args } of calls)
    if (method === 'chat.postMessage')
      for (const switched of ['mrkdwn', 'unfurl_links', 'unfurl_media', 'link_names'])
        if (String(args[switched]) !== 'false')
          reader.fault('slack post', `${switched} is ${args[switched]}`);
  return reader;
}

/** What our own cards are made of. */
const OURS = new Set(['strong', 'code', 'fence', 'heading', 'subtext']);

export function readDiscord(
  { world }: DiscordStandIn,
  modals: readonly Modal[],
  expected: (body: MessageBody) => readonly string[],
): Reading {
  const reader = new Reader();
  const marked = (where: string, text: string, wanted: readonly string[] = []) => {
    const nodes = parse(text);
    const mentions = nodes.filter(({ type }) => type === 'mention').map((node) => node.text);
    reader.only(where, 'mentions', mentions, wanted);
    const others = kinds(nodes).filter((kind) => kind !== 'mention' && !OURS.has(kind));
    if (others.length > 0) reader.fault(where, `it formats: ${others.slice(0, 4).join(' ')}`);
    reader.shown(where, shownText(nodes));
  };
  for (const message of world.messages.values()) {
    if (message.author !== world.botUser) continue;
    for (const body of [...message.history, message.body]) {
      const where = `discord ${message.id}`;
      const wanted = expected(body);
      const { parse: kindsAllowed, users = [], roles = [] } = body.allowed_mentions ?? {};
      if (kindsAllowed === undefined || kindsAllowed.length > 0)
        reader.fault(where, 'Discord may look for mentions');
      reader.only(
        where,
        'may mention',
        [...users.map((id) => `<@${id}>`), ...roles.map((id) => `<@&${id}>`)],
        wanted,
      );
      marked(`${where} content`, body.content ?? '', wanted);
      for (const embed of body.embeds ?? []) {
        marked(`${where} embed`, embed.description ?? '');
        marked(`${where} title`, embed.title ?? '');
        reader.shown(`${where} foot`, embed.footer?.text ?? '');
      }
      for (const row of body.components ?? [])
        for (const button of row.components ?? []) reader.shown(`${where} button`, button.label ?? '');
    }
    for (const file of message.files) reader.shown(`discord file ${file.name}`, `${file.name}${file.text}`);
  }
  for (const { id, type, name } of world.channels.values())
    if (type === 11) reader.shown(`discord thread ${id}`, name);
  for (const modal of modals)
    reader.shown(
      `discord form ${modal.custom_id}`,
      [
        modal.title,
        ...modal.components.flatMap(({ label, description, component }) => [
          label ?? '',
          description ?? '',
          ...(component?.options ?? []).map((option) => option.label),
        ]),
      ].join('\n'),
    );
  return reader;
}

/** Says what a reading found; too few texts are no reading. */
export function judge(
  act: Act,
  name: string,
  { looked, characters, problems }: Reading,
  least: number,
): void {
  act.check(
    `${name}: nothing hostile mentions, links, formats or hides, and what is cut says so`,
    problems.length === 0 && looked >= least,
    problems.length === 0
      ? `${looked} texts, ${Math.round(characters / 1000)} kB`
      : `${problems.length}: ${[...new Set(problems)].slice(0, 8).join(' ;; ')}`,
  );
  act.figure(`texts on ${name}`, looked);
}
