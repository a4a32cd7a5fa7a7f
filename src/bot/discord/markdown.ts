import type { Span, Text } from '../../message/contract.ts';
import { clock, printable } from '../../message/plain.ts';

/** Something rendered into a room; `cut` when not all of it fitted. */
export interface Cut {
  readonly text: string;
  readonly cut: boolean;
}

/** A run of one format. Atoms are never parted, so that a cut leaves no lone backslash or half a character. */
interface Piece {
  readonly mark: '' | '**' | '`';
  readonly atoms: readonly string[];
}

/**
 * Text as Discord's markdown, in at most `room` characters. Everything but letters, digits and spaces is escaped, our
 * own words too: mentions, links, emoji names and formats all begin with or contain such a character, so none can
 * arise that is not built here.
 */
export function inline(text: Text, timezone: string, room: number, mark: Piece['mark'] = ''): Cut {
  let out = '';
  for (const piece of pieces(text, timezone, mark, room)) {
    // Two code spans in a row would read as one with other ends.
    const gap = piece.mark !== '' && out.endsWith(piece.mark) ? ' ' : '';
    const space = room - out.length - gap.length - 2 * piece.mark.length - 1;
    const { taken, whole } = take(piece.atoms, space);
    if (taken !== '') out += `${gap}${piece.mark}${taken}${piece.mark}`;
    if (!whole) return { text: room > 0 ? `${out}…` : '', cut: true };
  }
  return { text: out, cut: false };
}

/** Every punctuation character behind a backslash; control and direction characters as "·". */
export function escaped(text: string): string {
  return atomsOf(visible(text)).join('');
}

/** Control and direction characters as "·", and halves of characters too, which Discord refuses. */
export function visible(text: string): string {
  return printable(text).replace(/\p{Surrogate}/gu, '·');
}

/**
 * Text between fences, in at most `room` characters: nothing in there is parsed but the closing fence, so only that
 * is broken. Whole lines are left out at the end, and counted.
 */
export function fenced(lines: readonly string[], language: string, room: number): Cut {
  const open = `\`\`\`${language}\n`;
  const close = '\n```';
  const clean = lines
    .slice(0, Math.max(1, room))
    .map((line) => visible(line.slice(0, Math.max(0, room) + 2).replaceAll('\t', '  ')));
  const safe = clean.map((line) => line.replace(/`{3,}/g, (run) => 'ˋ'.repeat(run.length)));
  const changed = safe.some((line, i) => line !== clean[i]);
  const space = room - open.length - close.length;
  const kept: string[] = [];
  let used = 0;
  for (const [i, line] of safe.entries()) {
    const rest = lines.length - i - 1;
    const reserve = rest > 0 ? 24 : 0;
    if (used + line.length + 1 + reserve > space) {
      const more = `… and ${lines.length - i} more ${lines.length - i === 1 ? 'line' : 'lines'}`;
      const part = kept.length === 0 ? [whole(line, space - more.length - 2)] : [];
      if (space < more.length + 2) return { text: '', cut: true };
      return { text: `${open}${[...kept, ...part, more].join('\n')}${close}`, cut: true };
    }
    kept.push(line);
    used += line.length + 1;
  }
  const body = kept.join('\n');
  return { text: `${open}${body.trim() === '' ? '(empty)' : body}${close}`, cut: changed };
}

function whole(line: string, room: number): string {
  return `${[...line].reduce((out, char) => (out.length + char.length < room ? out + char : out), '')}…`;
}

function take(atoms: readonly string[], room: number): { taken: string; whole: boolean } {
  let taken = '';
  for (const atom of atoms) {
    if (taken.length + atom.length > room) return { taken, whole: false };
    taken += atom;
  }
  return { taken, whole: true };
}

function pieces(text: Text, timezone: string, outer: Piece['mark'], room: number): Piece[] {
  const list: Piece[] = [];
  for (const span of text) {
    // What can find no room is not looked at: a text of a megabyte must not hold up the rest.
    const next = pieceOf(
      span.kind === 'time' ? span : { ...span, text: span.text.slice(0, Math.max(0, room) + 2) },
      timezone,
      outer,
    );
    const last = list.at(-1);
    // `**a****b**` is not two bold words, so neighbours of one format become one.
    if (last && last.mark === next.mark && next.mark !== '`')
      list[list.length - 1] = { mark: last.mark, atoms: [...last.atoms, ...next.atoms] };
    else if (next.atoms.length > 0) list.push(next);
  }
  return list;
}

function pieceOf(span: Span, timezone: string, outer: Piece['mark']): Piece {
  switch (span.kind) {
    case 'plain':
      return { mark: outer, atoms: own(span.text) };
    case 'strong':
      return { mark: '**', atoms: own(span.text) };
    case 'foreign':
      return { mark: outer, atoms: atomsOf(visible(span.text)) };
    case 'time':
      return { mark: outer, atoms: atomsOf(clock(span.at, span.seconds, timezone)) };
    case 'code':
      return code(visible(span.text), outer);
    default:
      return never(span);
  }
}

/** What holds a backtick, or nothing to see, is shown as it is: a code span cannot hold it. */
function code(text: string, outer: Piece['mark']): Piece {
  if (text.includes('`') || text.trim() === '') return { mark: outer, atoms: atomsOf(text) };
  return { mark: '`', atoms: [...text] };
}

/** Our own words keep their line breaks. */
function own(text: string): string[] {
  return text.split('\n').flatMap((line, i) => [...(i > 0 ? ['\n'] : []), ...atomsOf(visible(line))]);
}

function atomsOf(text: string): string[] {
  return [...text].map((char) => (/[!-/:-@[-`{-~]/.test(char) ? `\\${char}` : char));
}

function never(span: never): never {
  throw new TypeError(`A span of an unknown kind: ${JSON.stringify(span)}`);
}
