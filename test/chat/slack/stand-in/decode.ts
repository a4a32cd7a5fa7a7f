import { isRecord } from './blocks.ts';

/** What Slack would make of a message: what it shows as text, and what it does beside showing text. */
export interface Decoded {
  /** What is read on the screen. */
  readonly text: string;
  readonly mentions: readonly string[];
  readonly links: readonly string[];
  readonly emojis: readonly string[];
  /** Pieces of markup that Slack would format. */
  readonly formats: readonly string[];
}

/** Text whose markup Slack reads (`text` of a message, mrkdwn). */
export function decodeMarkup(text: string, { verbatim = false } = {}): Decoded {
  const mentions = [...text.matchAll(/<([@!#][^>|]*)(?:\|[^>]*)?>/g)].map(([, inside]) => inside as string);
  const written = [...text.matchAll(/<((?:[a-z][a-z0-9+.-]*:)[^>|]*)(?:\|[^>]*)?>/gi)].map(
    ([, url]) => url as string,
  );
  const bare = text.replace(/<[^>]*>/g, ' ');
  const shown = bare.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
  return {
    text: shown,
    mentions,
    links: [...written, ...(verbatim ? [] : autolinks(shown))],
    emojis: emojisOf(shown),
    formats: formatsOf(bare),
  };
}

/** Blocks: rich text is literal but for its typed elements, mrkdwn is read, plain_text shows emoji if it says so. */
export function decodeBlocks(blocks: unknown): Decoded {
  const found: Decoded[] = [];
  walk(blocks, found);
  return {
    text: found.map(({ text }) => text).join(''),
    mentions: found.flatMap(({ mentions }) => mentions),
    links: found.flatMap(({ links }) => links),
    emojis: found.flatMap(({ emojis }) => emojis),
    formats: found.flatMap(({ formats }) => formats),
  };
}

const NOTHING = { text: '', mentions: [], links: [], emojis: [], formats: [] };

function walk(value: unknown, found: Decoded[], code = false): void {
  if (Array.isArray(value)) {
    for (const one of value) walk(one, found, code);
    return;
  }
  if (!isRecord(value)) return;
  const { type, text } = value;
  if (type === 'text' && typeof text === 'string') {
    const coded = code || (isRecord(value['style']) && value['style']['code'] === true);
    // Literal in Slack; some clients are suspected of more, so that is asked for as well.
    const more = coded ? {} : { emojis: emojisOf(text), links: autolinks(text) };
    found.push({ ...NOTHING, text, ...more, mentions: broadcasts(text) });
  } else if (type === 'mrkdwn' && typeof text === 'string')
    found.push(decodeMarkup(text, { verbatim: value['verbatim'] === true }));
  else if (type === 'plain_text' && typeof text === 'string')
    found.push({ ...NOTHING, text, emojis: value['emoji'] === false ? [] : emojisOf(text) });
  else if (type === 'user') found.push({ ...NOTHING, mentions: [`@${String(value['user_id'])}`] });
  else if (type === 'usergroup')
    found.push({ ...NOTHING, mentions: [`!subteam^${String(value['usergroup_id'])}`] });
  else if (type === 'broadcast') found.push({ ...NOTHING, mentions: [`!${String(value['range'])}`] });
  else if (type === 'link')
    found.push({ ...NOTHING, text: String(text ?? ''), links: [String(value['url'])] });
  else if (type === 'emoji') found.push({ ...NOTHING, emojis: [String(value['name'])] });
  else for (const one of Object.values(value)) walk(one, found, type === 'rich_text_preformatted' || code);
}

function broadcasts(text: string): string[] {
  return [...text.matchAll(/<([@#!][A-Za-z][^>]*)>/g)].map(([, inside]) => inside as string);
}

function autolinks(text: string): string[] {
  return [
    ...text.matchAll(
      /\b(?:[a-z][a-z0-9+.-]*:\/\/|mailto:|tel:|www\.)[^\s<>\u2060]+|[\w.+-]+@[\w-]+\.[a-z]{2,}/gi,
    ),
  ].map(([link]) => link);
}

function emojisOf(text: string): string[] {
  return [...text.matchAll(/:([a-z0-9_+'-]*[a-z][a-z0-9_+'-]*|100):/gi)].map(([, name]) => name as string);
}

function formatsOf(text: string): string[] {
  const edge = '(?<![\\p{L}\\p{N}])';
  const end = '(?![\\p{L}\\p{N}])';
  const marks = ['\\*', '_', '~', '`'].map((mark) => `${edge}${mark}(?=\\S)[^\\n]*?${mark}${end}`);
  return [
    ...[...text.matchAll(new RegExp(marks.join('|'), 'gu'))].map(([piece]) => piece),
    ...[...text.matchAll(/^\s*(?:&gt;|>)/gm)].map(([piece]) => piece),
  ];
}
