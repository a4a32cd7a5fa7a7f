import type { types } from '@slack/bolt';
import type { Action, Message } from '../../message/contract.ts';
import { renderPlain } from '../../message/plain.ts';
import { pack } from '../chat/contract.ts';
import { cut, foreign, markupFree } from './escape.ts';
import type { Mention } from './mentions.ts';
import { type Line, type Part, partsOf } from './parts.ts';

/** A message as Slack takes it. `file` is there when something was cut: the whole. */
export interface Rendered {
  readonly blocks: types.KnownBlock[];
  /** For notifications and screen readers, and all that there is when Slack refuses the blocks. */
  readonly text: string;
  readonly file?: { readonly name: string; readonly text: string };
}

export interface RenderOptions {
  readonly timezone: string;
  readonly mentions?: readonly Mention[];
  /** Names the file: `incident-12`. */
  readonly name?: string;
}

// Slack: 50 blocks, 3,000 characters a text, and a refusal (msg_blocks_too_long) near 13,200 in all.
const PART_MAX = 2_800;
const TOTAL_MAX = 8_800;
const LINE_MAX = 1_000;
const PIECES_MAX = 40;
const BUTTON_ROWS_MAX = 12;
const BUTTONS_A_ROW = 25;
const BUTTON_LABEL_MAX = 75;
// chat.update takes 4,000 with markup escaped.
const TEXT_MAX = 3_000;
const WHOLE = { width: 100_000, lines: 100_000, cell: 100_000 };

export function renderSlack(message: Message, options: RenderOptions): Rendered {
  const card = new Card();
  card.mention(options.mentions ?? []);
  for (const block of message.blocks) for (const part of partsOf(block, options.timezone)) card.add(part);
  const { blocks, wasCut } = card.finish();
  const plain = renderPlain(message, { timezone: options.timezone, ...WHOLE });
  return {
    blocks,
    text: fallback(plain, options.mentions ?? []),
    ...(wasCut ? { file: { name: `${options.name ?? 'warroom'}.txt`, text: plain } } : {}),
  };
}

/** The mention that we build ourselves, of ids that the platform gave. */
export function mentionText(mention: Mention): string {
  if (mention.kind === 'user') return `<@${mention.id}>`;
  if (mention.kind === 'group') return `<!subteam^${mention.id}>`;
  return markupFree(mention.name);
}

function fallback(plain: string, mentions: readonly Mention[]): string {
  const lead = mentions.length > 0 ? `${mentions.map(mentionText).join(' ')} ` : '';
  const lines: string[] = [];
  let size = lead.length;
  const all = plain.split('\n');
  for (const [i, line] of all.entries()) {
    const safe = markupFree(cut(line, 600));
    if (size + safe.length + 1 > TEXT_MAX) {
      lines.push(`… cut, ${all.length - i} more lines`);
      break;
    }
    lines.push(safe);
    size += safe.length + 1;
  }
  return `${lead}${lines.join('\n')}`.trim() || 'Warroom';
}

/** Fills blocks up to what Slack takes; what does not fit is counted, and said where it is missing. */
class Card {
  readonly #blocks: types.KnownBlock[] = [];
  #rich: types.RichTextBlock | undefined;
  #richSize = 0;
  #size = 0;
  #lost = 0;
  #wasCut = false;
  #buttonRows = 0;
  #headers = 0;

  mention(mentions: readonly Mention[]): void {
    if (mentions.length === 0) return;
    const text = mentions.slice(0, 50).map(mentionText).join(' ');
    // verbatim: Slack reads the mentions that are written as such, and makes no link of anything else.
    this.#push({ type: 'section', text: { type: 'mrkdwn', text, verbatim: true } });
    this.#size += text.length;
  }

  add(part: Part): void {
    if (part.kind === 'buttons') this.#buttons(part.actions);
    else if (part.kind === 'header' && this.#headers === 0) this.#header(part.text);
    else if (part.kind === 'pre') this.#pre(part.lines);
    else this.#lines(part.kind === 'header' ? [[bold(part.text)]] : part.lines);
  }

  finish(): { blocks: types.KnownBlock[]; wasCut: boolean } {
    if (this.#lost > 0) this.#note(this.#lost);
    if (this.#blocks.length === 0) this.#lines([[{ type: 'text', text: '-' }]]);
    return { blocks: this.#blocks, wasCut: this.#wasCut };
  }

  #header(text: string): void {
    this.#headers += 1;
    this.#size += text.length;
    this.#push({ type: 'header', text: { type: 'plain_text', text, emoji: false } });
  }

  #lines(lines: readonly Line[]): void {
    const kept: types.RichTextText[][] = [];
    let size = 0;
    for (const [i, line] of lines.entries()) {
      const { pieces, length, shortened } = fitted(line);
      if (this.#full(size + length)) {
        this.#push(section(kept), size);
        this.#cutAt(lines.length - i);
        return;
      }
      if (shortened) this.#wasCut = true;
      kept.push(pieces);
      size += length + 1;
    }
    this.#push(section(kept), size);
  }

  #pre(lines: readonly string[]): void {
    const kept: string[] = [];
    let size = 0;
    for (const [i, line] of lines.entries()) {
      const short = cut(line, LINE_MAX);
      if (this.#full(size + short.length)) {
        this.#push(preformatted(kept), size);
        this.#cutAt(lines.length - i);
        return;
      }
      if (short !== line) this.#wasCut = true;
      kept.push(short);
      size += short.length + 1;
    }
    this.#push(preformatted(kept), size);
  }

  /** A part has a bound of its own, so that a long table does not push out what follows it. */
  #full(size: number): boolean {
    return this.#lost > 0 || size > PART_MAX || this.#size + size > TOTAL_MAX;
  }

  #cutAt(lines: number): void {
    this.#wasCut = true;
    // Once the card is full nothing more comes, and one note at the end says how much.
    if (this.#lost > 0 || this.#size + 200 > TOTAL_MAX) this.#lost += lines;
    else this.#note(lines);
  }

  #note(lines: number): void {
    this.#wasCut = true;
    const text = `… cut, ${lines} more ${lines === 1 ? 'line' : 'lines'}: the file has it all`;
    this.#push(section([[{ type: 'text', text, style: { italic: true } }]]), text.length);
  }

  #buttons(actions: readonly Action[]): void {
    for (let i = 0; i < actions.length; i += BUTTONS_A_ROW) {
      const row = actions.slice(i, i + BUTTONS_A_ROW);
      if (this.#buttonRows >= BUTTON_ROWS_MAX) {
        this.#lost += 1;
        this.#wasCut = true;
        continue;
      }
      this.#buttonRows += 1;
      const taken = new Set<string>();
      this.#push({ type: 'actions', elements: row.map((action) => button(action, taken)) });
    }
  }

  /** Adds to the rich text that stands last, or begins a block. */
  #push(block: types.KnownBlock | types.RichTextBlockElement | undefined, size = 0): void {
    if (!block) return;
    if (block.type !== 'rich_text_section' && block.type !== 'rich_text_preformatted') {
      this.#rich = undefined;
      this.#blocks.push(block as types.KnownBlock);
      return;
    }
    this.#size += size;
    if (!this.#rich || this.#richSize + size > PART_MAX) {
      this.#rich = { type: 'rich_text', elements: [] };
      this.#richSize = 0;
      this.#blocks.push(this.#rich);
    }
    this.#richSize += size;
    this.#rich.elements.push(block as types.RichTextBlockElement);
  }
}

function bold(text: string): types.RichTextText {
  return { type: 'text', text, style: { bold: true } };
}

/** A line of pieces, cut at its length and at its number of pieces. */
function fitted(line: Line): { pieces: types.RichTextText[]; length: number; shortened: boolean } {
  const pieces: types.RichTextText[] = [];
  let length = 0;
  for (const one of line) {
    const room = LINE_MAX - length;
    if (room < 2 || pieces.length >= PIECES_MAX) {
      pieces.push({ type: 'text', text: '…' });
      return { pieces, length: length + 1, shortened: true };
    }
    const text = cut(one.text, room);
    pieces.push({ ...one, text });
    length += text.length;
    if (text !== one.text) return { pieces, length, shortened: true };
  }
  return { pieces, length, shortened: false };
}

function section(lines: readonly types.RichTextText[][]): types.RichTextSection | undefined {
  if (lines.length === 0) return undefined;
  const elements = lines.flatMap((line, i) => (i === 0 ? line : [newline(), ...line]));
  // Sections follow one another without a space; the last line break keeps them apart.
  return { type: 'rich_text_section', elements: [...elements, newline()] };
}

function newline(): types.RichTextText {
  return { type: 'text', text: '\n' };
}

function preformatted(lines: readonly string[]): types.RichTextPreformatted | undefined {
  if (lines.length === 0) return undefined;
  return {
    type: 'rich_text_preformatted',
    elements: [{ type: 'text', text: lines.join('\n') || ' ' }],
  };
}

function button(action: Action, taken: Set<string>): types.Button {
  const value = cut(pack(action), 250);
  // Slack refuses two equal ids in one block; the value is what is read at the press.
  let id = value;
  for (let i = 2; taken.has(id); i += 1) id = `${value}#${i}`;
  taken.add(id);
  return {
    type: 'button',
    action_id: id,
    value,
    text: { type: 'plain_text', text: cut(foreign(action.label), BUTTON_LABEL_MAX) || '-', emoji: false },
    ...(action.style === 'plain' ? {} : { style: action.style }),
  };
}
