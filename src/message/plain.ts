import type { ActionKind, Block, Message, Text, Tone } from './contract.ts';
import { figure } from './figures.ts';

export const SHAPES: Readonly<Record<Tone, readonly [shape: string, word: string]>> = {
  ok: ['✓', 'OK'],
  warn: ['▲', 'WARN'],
  critical: ['▲', 'CRITICAL'],
  unknown: ['?', 'UNKNOWN'],
  'set-up': ['○', 'NEEDS SET-UP'],
};

export interface PlainOptions {
  readonly timezone: string;
  /** Longest line kept; more is cut with "…". */
  readonly width: number;
  /** Most lines; the rest is said as a count. */
  readonly lines: number;
  /** Longest cell of a table; 60 when left out. */
  readonly cell?: number;
}

const CELL = 60;

/** The message as lines of plain text. Control characters of foreign text are shown as "·", so nothing moves the cursor. */
export function renderPlain(message: Message, options: PlainOptions): string {
  const lines = message.blocks
    .flatMap((block) => blockLines(block, options))
    .map((line) => cut(line, options.width));
  if (lines.length <= options.lines) return lines.join('\n');
  return [...lines.slice(0, options.lines - 1), `… and ${lines.length - options.lines + 1} more lines`].join(
    '\n',
  );
}

function blockLines(block: Block, options: PlainOptions): string[] {
  switch (block.kind) {
    case 'heading': {
      const [shape, word] = block.tone ? SHAPES[block.tone] : ['', ''];
      return [`${shape} ${block.word ?? word} ${inline(block.text, options)}`.trim()];
    }
    case 'text':
      return inline(block.text, options).split('\n');
    case 'fields': {
      const names = block.rows.map(
        (row) => `${row.tone ? `${SHAPES[row.tone][0]} ` : ''}${inline(row.name, options)}`,
      );
      const width = Math.max(0, ...names.map((name) => name.length));
      return block.rows.map(
        (row, i) => `${(names[i] as string).padEnd(width)}  ${inline(row.value, options)}`,
      );
    }
    case 'table': {
      const cells = block.rows.map((row) => row.map((cell, i) => shown(cell, block.columns[i]?.unit)));
      const header = block.columns.map((column) => printable(column.name));
      const widths = header.map((name, i) =>
        Math.min(CELL, Math.max(name.length, ...cells.map((row) => (row[i] ?? '').length))),
      );
      const line = (row: readonly string[]) =>
        row
          .map((cell, i) => cut(cell, options.cell ?? CELL).padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd();
      return [...(block.title ? [printable(block.title)] : []), line(header), ...cells.map(line)];
    }
    case 'code':
      return [
        ...(block.title ? [printable(block.title)] : []),
        ...block.text.split('\n').map((line) => `  ${printable(line)}`),
      ];
    case 'chart': {
      const last = block.points.at(-1);
      return [
        `${printable(block.title)}: ${last ? figure(last.value, block.unit) : 'no data'}${block.limit === undefined ? '' : ` (limit ${figure(block.limit, block.unit)})`}`,
      ];
    }
    case 'actions':
      return [
        block.actions
          .map((action) => `[${printable(action.label)}: ${typed(action.kind, action.id)}]`)
          .join('  '),
      ];
    default:
      return never(block);
  }
}

/** What to type where there are no buttons. */
function typed(kind: ActionKind, id: string): string {
  const commands: Readonly<Record<ActionKind, string>> = {
    acknowledge: 'ack',
    silence: 'silence',
    approve: 'approve',
    refuse: 'refuse',
    'show-plan': 'plan',
    'ask-again': 'fix',
    parameters: 'fix',
    'give-back': 'approve',
    timeline: 'timeline',
  };
  if (kind !== 'parameters') return `${commands[kind]} ${id}`;
  const [incident, remediation] = id.split('.');
  return `fix ${remediation} incident=${incident} NAME=VALUE`;
}

function inline(text: Text, options: PlainOptions): string {
  return text
    .map((span) =>
      span.kind === 'time'
        ? clock(span.at, span.seconds, options.timezone)
        : span.kind === 'foreign' || span.kind === 'code'
          ? printable(span.text)
          : // Our own words have line breaks, and no other control.
            span.text.split('\n').map(printable).join('\n'),
    )
    .join('');
}

export function clock(at: number, seconds: boolean, timezone: string): string {
  return new Intl.DateTimeFormat('en-GB', {
    timeZone: timezone,
    hour: '2-digit',
    minute: '2-digit',
    ...(seconds ? { second: '2-digit' } : {}),
    hourCycle: 'h23',
  }).format(at);
}

function shown(cell: string | number | null, unit: string | undefined): string {
  if (cell === null) return '-';
  return typeof cell === 'number' && unit ? figure(cell, unit) : printable(String(cell));
}

/**
 * Controls, what turns the direction, what cannot be seen, what some take for a line break, and halves of characters
 * become a dot. The variation selector of emoji stays.
 */
const UNPRINTABLE =
  /(?!\ufe0f)[\p{Cc}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}\p{Surrogate}\ufff9-\ufffb]/gu;

export function printable(text: string): string {
  return text.replace(UNPRINTABLE, '·');
}

/** Cuts visibly, and never through the middle of a character. */
export function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

function never(block: never): never {
  throw new TypeError(`A block of an unknown kind: ${JSON.stringify(block)}`);
}
