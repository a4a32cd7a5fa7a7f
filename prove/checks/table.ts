import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { COLUMNS, isShown, type Shown } from './row.ts';

/** What was shown on this clone: rows survive a run that was cut short. */
export const STATE_FILE = join('node_modules', '.cache', 'warroom-proof', 'checks.json');
export const TABLE_FILE = join('docs', 'proof', 'checks.md');

export function readShown(): Map<string, Shown> {
  if (!existsSync(STATE_FILE)) return new Map();
  const rows = JSON.parse(readFileSync(STATE_FILE, 'utf8')) as Shown[];
  return new Map(rows.map((row) => [row.check, row]));
}

/** Adds a row to what there is: another run may have shown its own meanwhile. */
export function keepShown(row: Shown): void {
  write(new Map([...readShown(), [row.check, row]]));
}

export function forgetShown(): void {
  write(new Map());
}

function write(rows: ReadonlyMap<string, Shown>): void {
  mkdirSync(dirname(STATE_FILE), { recursive: true });
  writeFileSync(`${STATE_FILE}.new`, `${JSON.stringify([...rows.values()], null, 2)}\n`);
  renameSync(`${STATE_FILE}.new`, STATE_FILE);
}

/** The page; `checks` gives the order. */
export function table(checks: readonly string[], rows: ReadonlyMap<string, Shown>): string {
  const yes = checks.filter((id) => {
    const row = rows.get(id);
    return row !== undefined && isShown(row);
  }).length;
  return [
    '# Every check, both ways',
    '',
    '<!-- Written by `npm run prove -- checks`, row by row. -->',
    '',
    `${yes} of ${checks.length} checks were shown whole: each fires on its fault, with the right figure (the native tool asked at the same moment) and evidence to act on, is quiet when healthy, and clears afterwards.`,
    '',
    `| check | fault | ${COLUMNS.join(' | ')} | what was seen |`,
    `| --- | --- | ${COLUMNS.map(() => '---').join(' | ')} | --- |`,
    ...checks.map((id) => {
      const row = rows.get(id);
      const cells = COLUMNS.map((column) => (row ? (row.columns[column] ? 'yes' : '**no**') : '–'));
      return `| ${id} | ${cell(row?.fault ?? '–')} | ${cells.join(' | ')} | ${cell(row?.seen ?? 'not shown yet')} |`;
    }),
    '',
  ].join('\n');
}

function cell(text: string): string {
  return text
    .replace(/[|\n\r<>]/g, (sign) => ({ '|': '\\|', '<': '&lt;', '>': '&gt;' })[sign] ?? ' ')
    .slice(0, 700);
}

export function writeTable(text: string): void {
  mkdirSync(dirname(TABLE_FILE), { recursive: true });
  writeFileSync(TABLE_FILE, text);
}
