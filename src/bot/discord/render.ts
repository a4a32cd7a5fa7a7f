import {
  type APIActionRowComponent,
  type APIButtonComponentWithCustomId,
  type APIEmbed,
  ButtonStyle,
  ComponentType,
} from 'discord.js';
import type { Action, Block, Message, Tone } from '../../message/contract.ts';
import { figure } from '../../message/figures.ts';
import { renderPlain, SHAPES } from '../../message/plain.ts';
import { pack, unpack } from '../chat/contract.ts';
import { type Cut, escaped, fenced, inline, visible } from './markdown.ts';
import { bars, tableLines } from './table.ts';

/** A message as Discord takes it: one embed, its buttons, and the whole as a file where something was cut. */
export interface Rendered {
  readonly embeds: readonly APIEmbed[];
  readonly components: readonly APIActionRowComponent<APIButtonComponentWithCustomId>[];
  readonly file?: { readonly name: string; readonly text: string };
}

export interface RenderOptions {
  readonly timezone: string;
  /** Shown small at the foot; how a post is found again. */
  readonly marker?: string;
}

const DESCRIPTION = 4096;
const NOTE = '-# Cut to fit. The whole is in the attached file.';
const NAME = 'warroom.txt';
/** Discord takes 10 MiB; nobody reads that. */
const FILE_CHARACTERS = 1_000_000;
/** Room for one block, tried in turn, until all blocks have some. */
const ROOMS = [DESCRIPTION, 2400, 1400, 800, 450, 240] as const;

const COLOURS: Readonly<Record<Tone, number>> = {
  ok: 0x2e8b57,
  warn: 0xe0a100,
  critical: 0xd13438,
  unknown: 0x7a7f87,
  'set-up': 0x3b78c4,
};

/** Never fails: what does not fit is cut visibly and goes along as a file. */
export function render(message: Message, options: RenderOptions): Rendered {
  const { rows, left } = buttons(message.blocks);
  const { text, cut } = describe(message.blocks, left, options.timezone);
  const tone = message.blocks.find((block) => block.kind === 'heading' && block.tone !== undefined);
  const embed: APIEmbed = {
    description: text === '' ? 'Nothing to show.' : text,
    ...(tone?.kind === 'heading' && tone.tone ? { color: COLOURS[tone.tone] } : {}),
    ...(options.marker === undefined ? {} : { footer: { text: options.marker } }),
  };
  return {
    embeds: [embed],
    components: rows,
    ...(cut ? { file: wholeFile(message, options.timezone) } : {}),
  };
}

export function wholeFile(message: Message, timezone: string): { name: string; text: string } {
  const text = renderPlain(message, { timezone, width: 100_000, lines: 100_000, cell: 100_000 });
  return { name: NAME, text: text.slice(0, FILE_CHARACTERS) };
}

/** The first heading without any format, for a thread's name. */
export function headline(message: Message, timezone: string): string {
  const heading = message.blocks.find((block) => block.kind === 'heading');
  const text = heading
    ? renderPlain({ blocks: [{ kind: 'text', text: heading.text }] }, { timezone, width: 1_000, lines: 1 })
    : '';
  return visible(text).trim();
}

function describe(blocks: readonly Block[], left: readonly Action[], timezone: string): Cut {
  const texts = (room: number) => {
    const parts = blocks
      .map((block) => part(block, room, timezone))
      .filter((one) => one.text !== '' || one.cut);
    if (left.length > 0) parts.push(inline([{ kind: 'plain', text: typedInstead(left) }], timezone, 240));
    return { text: parts.map((one) => one.text).join('\n'), cut: parts.some((one) => one.cut) };
  };
  for (const room of ROOMS) {
    const all = texts(room);
    if (!all.cut && all.text.length <= DESCRIPTION) return all;
    if (all.text.length + NOTE.length + 1 <= DESCRIPTION) return { text: `${all.text}\n${NOTE}`, cut: true };
  }
  return { text: `${first(blocks, timezone)}\n${NOTE}`, cut: true };
}

/** As many blocks from the top as there is room for. */
function first(blocks: readonly Block[], timezone: string): string {
  const kept: string[] = [];
  let used = NOTE.length + 1;
  for (const block of blocks) {
    const { text } = part(block, ROOMS[ROOMS.length - 1] as number, timezone);
    if (used + text.length + 1 > DESCRIPTION) break;
    if (text !== '') kept.push(text);
    used += text.length + 1;
  }
  return kept.join('\n');
}

function part(block: Block, room: number, timezone: string): Cut {
  switch (block.kind) {
    case 'heading':
      return heading(block, room, timezone);
    case 'text':
      return inline(block.text, timezone, room);
    case 'fields':
      return lines(
        block.rows.map((row) => (space: number) => {
          const shape = row.tone ? `${escaped(SHAPES[row.tone][0])} ` : '';
          const name = inline(row.name, timezone, Math.min(120, space - shape.length - 8), '**');
          const value = inline(row.value, timezone, space - shape.length - name.text.length - 1);
          return { text: `${shape}${name.text} ${value.text}`, cut: name.cut || value.cut };
        }),
        room,
      );
    case 'table': {
      const table = tableLines(block);
      const body = titled(block.title, table.lines, '', room, timezone);
      return { text: body.text, cut: body.cut || table.cut };
    }
    case 'code':
      return titled(block.title, block.text.split('\n'), LANGUAGES[block.language], room, timezone);
    case 'chart':
      return chart(block, room, timezone);
    case 'actions':
      return { text: '', cut: false };
    default:
      return never(block);
  }
}

const LANGUAGES = { sh: 'sh', vcl: 'c', sql: 'sql', yaml: 'yaml', text: '' } as const;

function heading(block: Extract<Block, { kind: 'heading' }>, room: number, timezone: string): Cut {
  const [shape, word] = block.tone ? SHAPES[block.tone] : ['', ''];
  const lead = `${shape} ${block.word ?? word}`.trim();
  const text = block.text.map((span) =>
    span.kind === 'plain' || span.kind === 'strong'
      ? { ...span, text: span.text.replaceAll('\n', ' ') }
      : span,
  );
  const spans =
    lead === '' ? text : [{ kind: 'plain', text: `${lead.replaceAll('\n', ' ')} ` } as const, ...text];
  const body = inline(spans, timezone, Math.min(room, 400) - 4);
  return body.text.trim() === ''
    ? { text: '', cut: body.cut }
    : { text: `### ${body.text.trim()}`, cut: body.cut };
}

function titled(
  title: string | undefined,
  content: readonly string[],
  language: string,
  room: number,
  timezone: string,
): Cut {
  if (title === undefined || title === '') return fenced(content, language, room);
  const head = inline([{ kind: 'foreign', text: title }], timezone, Math.min(200, room), '**');
  const body = fenced(content, language, room - head.text.length - 1);
  return { text: `${head.text}\n${body.text}`, cut: head.cut || body.cut };
}

function chart(block: Extract<Block, { kind: 'chart' }>, room: number, timezone: string): Cut {
  const last = block.points.at(-1);
  const limit = block.limit === undefined ? '' : ` (limit ${figure(block.limit, block.unit)})`;
  const value = `: ${last ? figure(last.value, block.unit) : 'no data'}${limit} `;
  const drawn = bars(block.points);
  return inline(
    [
      { kind: 'foreign', text: block.title },
      { kind: 'plain', text: value },
      ...(drawn === '' ? [] : [{ kind: 'code', text: drawn } as const]),
    ],
    timezone,
    room,
  );
}

/** As many lines as there is room for; the rest is counted. */
function lines(all: readonly ((space: number) => Cut)[], room: number): Cut {
  const kept: string[] = [];
  let used = 0;
  let cut = false;
  for (const [i, line] of all.entries()) {
    const made = line(Math.min(room, 1000));
    const reserve = i < all.length - 1 ? 24 : 0;
    if (used + made.text.length + 1 + reserve > room) {
      const more = `… and ${all.length - i} more`;
      return {
        text: used + more.length + 1 > room ? kept.join('\n') : [...kept, more].join('\n'),
        cut: true,
      };
    }
    kept.push(made.text);
    used += made.text.length + 1;
    cut ||= made.cut;
  }
  return { text: kept.join('\n'), cut };
}

const STYLES = {
  primary: ButtonStyle.Primary,
  plain: ButtonStyle.Secondary,
  danger: ButtonStyle.Danger,
} as const;

/** At most 5 rows of 5, each block in a row of its own where that fits; what is left over must be typed. */
function buttons(blocks: readonly Block[]): { rows: Rendered['components']; left: Action[] } {
  const seen = new Set<string>();
  const left: Action[] = [];
  const groups: Action[][] = [];
  for (const block of blocks) {
    if (block.kind !== 'actions') continue;
    const group = block.actions.filter((action) => {
      const id = pack(action);
      if (seen.has(id)) return false;
      if (id.length > 100 || unpack(id) === undefined) left.push(action);
      else seen.add(id);
      return seen.has(id);
    });
    for (let i = 0; i < group.length; i += 5) groups.push(group.slice(i, i + 5));
  }
  const rows = groups.length <= 5 ? groups : packed(groups.flat());
  left.push(...rows.slice(5).flat());
  return {
    rows: rows.slice(0, 5).map((row) => ({ type: ComponentType.ActionRow, components: row.map(button) })),
    left,
  };
}

function packed(actions: readonly Action[]): Action[][] {
  const rows: Action[][] = [];
  for (let i = 0; i < actions.length; i += 5) rows.push(actions.slice(i, i + 5));
  return rows;
}

function button(action: Action): APIButtonComponentWithCustomId {
  const label = visible(action.label).trim() || action.kind;
  const style = STYLES[action.style];
  return { type: ComponentType.Button, style, label: shortened(label, 80), custom_id: pack(action) };
}

function shortened(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

function typedInstead(left: readonly Action[]): string {
  return `Without a button here: ${left.map((action) => `${action.label} (${action.kind} ${action.id})`).join(', ')}`;
}

function never(block: never): never {
  throw new TypeError(`A block of an unknown kind: ${JSON.stringify(block)}`);
}
