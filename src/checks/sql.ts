import { plain } from './rate.ts';
import { redactText } from './redact.ts';

export type SqlDialect = 'postgres' | 'mysql';

/**
 * One token at a time, so that a quote within a comment or a name opens no string. A string that is not closed, as in
 * a text that was cut, reaches to the end: what cannot be told from a literal is blank.
 */
const TOKENS: Readonly<Record<SqlDialect, RegExp>> = {
  postgres: new RegExp(
    [
      /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/,
      /(?<name>"(?:[^"]|"")*"?)/,
      /(?<string>\b[eE]'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)|(?:\b[uU]&|\b[bBxXnN])?'(?:[^']|'')*(?:'|$))/,
      /(?<dollar>(?<![\w$])\$(?<tag>(?:[A-Za-z_]\w*)?)\$[\s\S]*?(?:\$\k<tag>\$|$))/,
      /(?<slot>\$\d+)/,
      /(?<number>(?<![\w$])(?:0[xX][0-9a-fA-F]+|(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)(?!\w))/,
      /(?<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)/,
    ]
      .map((part) => part.source)
      .join('|'),
    'g',
  ),
  mysql: new RegExp(
    [
      /--[\s][^\n]*|#[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/,
      /(?<name>`(?:[^`]|``)*`?)/,
      /(?<string>(?:\b[bBxXnN]|\b_[a-z0-9]+\s*)?(?:'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)|"(?:[^"\\]|\\[\s\S]|"")*(?:"|$)))/,
      /(?<number>(?<![\w$])(?:0[xX][0-9a-fA-F]+|0[bB][01]+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)(?!\w))/,
      /(?<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)/,
    ]
      .map((part) => part.source)
      .join('|'),
    'g',
  ),
};

/**
 * A statement's text as it may be shown: literals are `?`, comments are gone, white space is one blank, lists of
 * values are one value, and it is cut at `most` characters. Names, keywords and `$1` stay.
 */
export function blankSql(text: string, dialect: SqlDialect, most = 300): string {
  const blank = withoutLiterals(text, dialect)
    .replace(/\?(?:\s*,\s*\?)+/g, '?, …')
    .replace(/(\(\s*\?(?:, …)?\s*\))(?:\s*,\s*\(\s*\?(?:, …)?\s*\))+/g, '$1, …');
  // What is cut off need not be looked through: that is dear for long texts.
  return plain(redactText(blank.slice(0, most + 100)), most);
}

/** The statement on one line, `?` for each literal, without comments; uncut, and so not for showing. */
export function withoutLiterals(text: string, dialect: SqlDialect): string {
  return text
    .replace(TOKENS[dialect], (token: string, ...rest: unknown[]) => {
      const groups = rest.at(-1) as Readonly<Record<string, string | undefined>>;
      if (groups['string'] !== undefined || groups['dollar'] !== undefined || groups['number'] !== undefined)
        return '?';
      return groups['name'] ?? groups['slot'] ?? groups['word'] ?? (token === '' ? '' : ' ');
    })
    .replace(/\s+/g, ' ')
    .trim();
}
