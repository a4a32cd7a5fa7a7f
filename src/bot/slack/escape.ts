import { printable } from '../../message/plain.ts';

/**
 * What a card shows is text in rich_text elements, which Slack takes as it is: no markup is read in them. The word
 * joiner (invisible, of no width) is the second lock: what some client, or a person who copies it into a message,
 * could still take for a mention, a link or an emoji is broken by it. It cannot come from outside: `printable`
 * turns one that is in the text into a dot.
 */
export const JOINER = '\u2060';

const MENTION = /<(?=[@#!][A-Za-z])/g;
const BROADCAST = /@(?=(?:channel|here|everyone|group)\b)/gi;
const SCHEME = /:(?=\/\/)/g;
const BARE_SCHEME = /(mailto|tel|slack|javascript|data):(?=\S)/gi;
const WWW = /www\.(?=\S)/gi;
const ADDRESS = /(?<=[\w.+-])@(?=[\w-]+\.[a-z])/gi;
const EMOJI = /:(?=[a-z0-9_+'-]*[a-z_+'-][a-z0-9_+'-]*:|100:|1234:)/gi;

/** One line of text from a watched system or a person. */
export function foreign(text: string): string {
  return tame(printable(text));
}

/** One line of code: exact, so that it can be copied, but for what would be a mention. */
export function code(text: string): string {
  return printable(text.replaceAll('\t', '  ')).replace(MENTION, `<${JOINER}`);
}

/** One line of Warroom's own words. */
export function own(text: string): string {
  return printable(text).replace(MENTION, `<${JOINER}`).replace(BROADCAST, `@${JOINER}`);
}

/** For words that were put together from several spans: what arose at a seam. */
export function seamless(text: string): string {
  return text.replace(MENTION, `<${JOINER}`).replace(SCHEME, `:${JOINER}`).replace(EMOJI, `:${JOINER}`);
}

function tame(text: string): string {
  return text
    .replace(MENTION, `<${JOINER}`)
    .replace(BROADCAST, `@${JOINER}`)
    .replace(SCHEME, `:${JOINER}`)
    .replace(BARE_SCHEME, `$1:${JOINER}`)
    .replace(WWW, (www) => `${www.slice(0, -1)}${JOINER}.`)
    .replace(ADDRESS, `@${JOINER}`)
    .replace(EMOJI, `:${JOINER}`);
}

/**
 * Plain text for `text`, where Slack does read its markup: what opens a format there becomes its look-alike. It is
 * seen in notifications and by screen readers; the blocks beside it have the exact characters.
 */
export function markupFree(text: string): string {
  return text
    .split('\n')
    .map((line) =>
      tame(printable(line))
        .replace(/[*`~]/g, (mark) => LOOK_ALIKE[mark as keyof typeof LOOK_ALIKE])
        // Inside a word an underscore formats nothing: wr_12a stays as it is.
        .replace(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, '＿')
        .replace(/&/g, '&amp;')
        .replace(/</g, '&lt;')
        .replace(/^(\s*)>/, `$1${JOINER}>`)
        .replace(/>/g, '&gt;'),
    )
    .join('\n');
}

const LOOK_ALIKE = { '*': '∗', '`': 'ˋ', '~': '∼' } as const;

/** Cuts to `length` with "…", never through the middle of a character. */
export function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  const end = length - 1;
  const last = text.charCodeAt(end - 1);
  return `${text.slice(0, last >= 0xd800 && last <= 0xdbff ? end - 1 : end)}…`;
}
