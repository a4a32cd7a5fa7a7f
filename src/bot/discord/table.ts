import type { Block } from '../../message/contract.ts';
import { figure } from '../../message/figures.ts';
import { visible } from './markdown.ts';

type Table = Extract<Block, { kind: 'table' }>;

/** What a phone shows of a code block without breaking the line. */
const PHONE = 44;
/** A column is not made narrower than this. */
const NARROWEST = 8;
const WIDEST = 60;
/** No cell is looked at beyond that. */
const LONGEST = 400;

/** A table as monospaced lines; figures to the right. Where it is wider than a phone, its widest columns are cut. */
export function tableLines({ columns, rows }: Table): { lines: string[]; cut: boolean } {
  const cells = rows.map((row) => columns.map((column, i) => shown(row[i] ?? null, column.unit)));
  const header = columns.map((column) => visible(column.name));
  const full = header.map((name, i) => Math.max(length(name), ...cells.map((row) => length(row[i] ?? ''))));
  const widths = fitted(full);
  const right = columns.map(
    (_, i) => rows.length > 0 && rows.every((row) => typeof row[i] === 'number' || (row[i] ?? null) === null),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => pad(cell, widths[i] ?? 0, right[i] ?? false))
      .join(' ')
      .trimEnd();
  return {
    lines: [line(header), ...cells.map(line)],
    cut: widths.some((width, i) => width < (full[i] ?? 0)),
  };
}

function fitted(full: readonly number[]): number[] {
  const widths = full.map((width) => Math.min(width, WIDEST));
  const total = () => widths.reduce((sum, width) => sum + width + 1, -1);
  while (total() > PHONE) {
    const widest = Math.max(...widths);
    if (widest <= NARROWEST) break;
    widths[widths.indexOf(widest)] = widest - 1;
  }
  return widths;
}

function pad(cell: string, width: number, right: boolean): string {
  const characters = [...cell];
  const text = characters.length <= width ? cell : `${characters.slice(0, Math.max(0, width - 1)).join('')}…`;
  const space = ' '.repeat(Math.max(0, width - length(text)));
  return right ? space + text : text + space;
}

function length(text: string): number {
  return [...text].length;
}

function shown(cell: string | number | null, unit: string | undefined): string {
  if (cell === null) return '-';
  return typeof cell === 'number' && unit ? figure(cell, unit) : visible(String(cell).slice(0, LONGEST));
}

const BARS = '▁▂▃▄▅▆▇█';

/** The points as a row of bars, the newest at the right. */
export function bars(points: readonly { readonly value: number }[], most = 30): string {
  const values = points.slice(-most).map((point) => (Number.isFinite(point.value) ? point.value : 0));
  const top = Math.max(...values, 0);
  return values
    .map((value) => BARS[top > 0 ? Math.min(7, Math.max(0, Math.round((value / top) * 7))) : 0])
    .join('');
}
