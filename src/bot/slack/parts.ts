import type { types } from '@slack/bolt';
import type { Action, Block, Field, Text } from '../../message/contract.ts';
import { figure } from '../../message/figures.ts';
import { clock, SHAPES } from '../../message/plain.ts';
import { code, cut, foreign, JOINER, own, seamless } from './escape.ts';

/** One line of a card; each piece has at least one character. */
export type Line = readonly types.RichTextText[];

/** A block of a Message in the shapes that Slack has. */
export type Part =
  | { readonly kind: 'header'; readonly text: string }
  | { readonly kind: 'lines'; readonly lines: readonly Line[] }
  | { readonly kind: 'pre'; readonly lines: readonly string[] }
  | { readonly kind: 'buttons'; readonly actions: readonly Action[] };

const HEADER_MAX = 150;
const CELL_MAX = 60;
const SPARKS = '▁▂▃▄▅▆▇█';
const SPARKS_MAX = 40;

export function partsOf(block: Block, timezone: string): Part[] {
  switch (block.kind) {
    case 'heading': {
      const [shape, word] = block.tone ? SHAPES[block.tone] : ['', ''];
      const label = own(`${shape} ${block.word ?? word}`.trim());
      const words = flat(block.text, timezone);
      const text = seamless([label, words].filter((one) => one !== '').join(' '));
      if (text.trim() === '') return [];
      // What is too long for a header is said in bold, whole.
      return text.length <= HEADER_MAX
        ? [{ kind: 'header', text }]
        : [{ kind: 'lines', lines: [piece(text, { bold: true })] }];
    }
    case 'text':
      return [{ kind: 'lines', lines: richLines(block.text, timezone) }];
    case 'fields':
      return [{ kind: 'lines', lines: block.rows.flatMap((row) => fieldLines(row, timezone)) }];
    case 'table':
      return [...titled(block.title), { kind: 'pre', lines: tableLines(block) }];
    case 'code':
      return [...titled(block.title), { kind: 'pre', lines: block.text.split(/\r\n|\n|\r/).map(code) }];
    case 'chart':
      return [{ kind: 'lines', lines: [chartLine(block)] }];
    case 'actions':
      return [{ kind: 'buttons', actions: block.actions }];
    default:
      return never(block);
  }
}

function titled(title: string | undefined): Part[] {
  return title ? [{ kind: 'lines', lines: [piece(foreign(title), { bold: true })] }] : [];
}

function piece(text: string, style?: types.RichTextText['style']): Line {
  return text === '' ? [] : [{ type: 'text', text, ...(style ? { style } : {}) }];
}

/** Own words may have line breaks; foreign text is one line, whatever is in it. */
export function richLines(text: Text, timezone: string): Line[] {
  const lines: Line[] = [];
  let line: Line = [];
  for (const span of text) {
    if (span.kind === 'plain' || span.kind === 'strong') {
      const style = span.kind === 'strong' ? { bold: true } : undefined;
      span.text.split('\n').forEach((words, i) => {
        if (i > 0) {
          lines.push(line);
          line = [];
        }
        line = [...line, ...piece(own(words), style)];
      });
    } else if (span.kind === 'time') line = [...line, ...piece(own(clock(span.at, span.seconds, timezone)))];
    else if (span.kind === 'code') line = [...line, ...piece(code(span.text), { code: true })];
    else line = [...line, ...piece(foreign(span.text))];
  }
  return [...lines, line];
}

/** Where Slack has no formats at all: a header. */
function flat(text: Text, timezone: string): string {
  const spans = text.map((span) => (span.kind === 'code' ? { ...span, kind: 'foreign' as const } : span));
  return richLines(spans, timezone)
    .map((line) => line.map((one) => one.text).join(''))
    .join(' ')
    .trim();
}

function fieldLines(row: Field, timezone: string): Line[] {
  const shape = row.tone ? piece(`${SHAPES[row.tone][0]} `) : [];
  const [name = [], ...furtherName] = richLines(row.name, timezone);
  const [value = [], ...furtherValue] = richLines(row.value, timezone);
  const bold = name.map((one) => (one.style?.code ? one : { ...one, style: { ...one.style, bold: true } }));
  return [[...shape, ...bold, ...piece('  '), ...value], ...furtherName, ...furtherValue];
}

function tableLines(table: Extract<Block, { kind: 'table' }>): string[] {
  const header = table.columns.map((column) => cut(foreign(column.name), CELL_MAX));
  const cells = table.rows.map((row) =>
    header.map((_, i) => cut(shown(row[i] ?? null, table.columns[i]?.unit), CELL_MAX)),
  );
  const widths = header.map((name, i) =>
    cells.reduce((widest, row) => Math.max(widest, visible(row[i] ?? '')), visible(name)),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => cell + ' '.repeat(Math.max(0, (widths[i] ?? 0) - visible(cell))))
      .join('  ')
      .trimEnd();
  return [line(header), ...cells.map(line)];
}

/** Characters that take room: what breaks a link takes none. */
function visible(cell: string): number {
  return cell.replaceAll(JOINER, '').length;
}

function shown(cell: string | number | null, unit: string | undefined): string {
  if (cell === null) return '-';
  return typeof cell === 'number' && unit ? figure(cell, unit) : foreign(String(cell));
}

function chartLine(chart: Extract<Block, { kind: 'chart' }>): Line {
  const last = chart.points.at(-1);
  const limit = chart.limit === undefined ? '' : ` (limit ${figure(chart.limit, chart.unit)})`;
  const sparks = spark(chart.points.map((point) => point.value));
  return [
    ...piece(foreign(`${chart.title}: `), { bold: true }),
    ...piece(`${sparks}${sparks ? ' ' : ''}${last ? figure(last.value, chart.unit) : 'no data'}${limit}`),
  ];
}

/** The course in one line of text: each mark is the greatest of its stretch, so that a peak is never lost. */
function spark(values: readonly number[]): string {
  const sound = values.filter((value) => Number.isFinite(value));
  if (sound.length < 2) return '';
  const stretch = Math.max(1, sound.length / SPARKS_MAX);
  const marks = Array.from({ length: Math.min(SPARKS_MAX, sound.length) }, (_, i) =>
    sound
      .slice(Math.floor(i * stretch), Math.max(Math.floor(i * stretch) + 1, Math.floor((i + 1) * stretch)))
      .reduce((greatest, value) => Math.max(greatest, value), Number.NEGATIVE_INFINITY),
  );
  const low = Math.min(0, ...marks);
  const range = Math.max(...marks) - low || 1;
  return marks
    .map((value) => SPARKS[Math.min(7, Math.max(0, Math.floor(((value - low) / range) * 7.999)))] ?? '▁')
    .join('');
}

function never(block: never): never {
  throw new TypeError(`A block of an unknown kind: ${JSON.stringify(block)}`);
}
