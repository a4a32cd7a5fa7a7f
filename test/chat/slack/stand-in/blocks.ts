import type { BlockJson } from './world.ts';

/** What Slack refuses in blocks, in words; empty when it takes them. */
export function blockProblems(blocks: unknown, most = 50): string[] {
  if (!Array.isArray(blocks)) return ['blocks must be an array'];
  if (blocks.length > most) return [`no more than ${most} items allowed [json-pointer:/blocks]`];
  const ids = new Set<string>();
  return blocks.flatMap((block: unknown, i) => {
    const problems = isRecord(block) ? oneBlock(block as BlockJson, ids) : ['must be an object'];
    return problems.map((problem) => `${problem} [json-pointer:/blocks/${i}]`);
  });
}

/** All the text that is in them: Slack refuses too much of it (msg_blocks_too_long). */
export function textLength(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  if (Array.isArray(value)) return value.reduce<number>((sum, one) => sum + textLength(one), 0);
  return Object.entries(value).reduce(
    (sum, [key, one]) => sum + (key === 'text' && typeof one === 'string' ? one.length : textLength(one)),
    0,
  );
}

function oneBlock(block: BlockJson, ids: Set<string>): string[] {
  const id = block['block_id'];
  const problems: string[] = [];
  if (id !== undefined) {
    if (typeof id !== 'string' || id.length === 0 || id.length > 255) problems.push('bad block_id');
    else if (ids.has(id)) problems.push('block_id must be unique');
    else ids.add(id);
  }
  switch (block.type) {
    case 'divider':
      return problems;
    case 'header':
      return [...problems, ...textObject(block['text'], 150, ['plain_text'])];
    case 'section':
      return [
        ...problems,
        ...(block['text'] === undefined && block['fields'] === undefined ? ['text or fields needed'] : []),
        ...(block['text'] === undefined ? [] : textObject(block['text'], 3_000)),
        ...list(block['fields'], 10).flatMap((field) => textObject(field, 2_000)),
      ];
    case 'context':
      return [...problems, ...some(block['elements'], 10, (one) => textObject(one, 3_000))];
    case 'actions':
      return [...problems, ...some(block['elements'], 25, button), ...uniqueIds(block['elements'])];
    case 'rich_text':
      return [...problems, ...some(block['elements'], 1_000, richElement)];
    case 'input':
      return [
        ...problems,
        ...textObject(block['label'], 2_000, ['plain_text']),
        ...inputElement(block['element']),
      ];
    default:
      return [`unsupported type: ${block.type}`];
  }
}

function textObject(
  value: unknown,
  most: number,
  types: readonly string[] = ['plain_text', 'mrkdwn'],
): string[] {
  if (!isRecord(value)) return ['text object needed'];
  const { type, text, emoji, verbatim } = value;
  if (typeof type !== 'string' || !types.includes(type)) return [`text must be ${types.join(' or ')}`];
  if (typeof text !== 'string' || text.length === 0) return ['must be more than 0 characters'];
  if (text.length > most) return [`must be less than ${most + 1} characters`];
  if (type === 'mrkdwn' && emoji !== undefined) return ['emoji is for plain_text'];
  if (type === 'plain_text' && verbatim !== undefined) return ['verbatim is for mrkdwn'];
  return [];
}

function button(value: unknown): string[] {
  if (!isRecord(value)) return ['must be an object'];
  const { type, action_id, value: payload, style } = value;
  return [
    ...(type === 'button' ? [] : [`unsupported element ${String(type)}`]),
    ...textObject(value['text'], 75, ['plain_text']),
    ...(typeof action_id === 'string' && action_id.length > 0 && action_id.length <= 255
      ? []
      : ['bad action_id']),
    ...(payload === undefined || (typeof payload === 'string' && payload.length <= 2_000)
      ? []
      : ['value too long']),
    ...(style === undefined || style === 'primary' || style === 'danger' ? [] : ['bad style']),
  ];
}

function uniqueIds(elements: unknown): string[] {
  const ids = list(elements, Number.POSITIVE_INFINITY).map((one) =>
    isRecord(one) ? one['action_id'] : undefined,
  );
  return new Set(ids).size === ids.length ? [] : ['action_id must be unique in a block'];
}

const RICH: Readonly<Record<string, readonly string[]>> = {
  rich_text_section: ['text', 'link', 'user', 'usergroup', 'channel', 'emoji', 'broadcast', 'date'],
  rich_text_quote: ['text', 'link', 'user', 'usergroup', 'channel', 'emoji', 'broadcast', 'date'],
  rich_text_preformatted: ['text', 'link'],
};

function richElement(value: unknown): string[] {
  if (!isRecord(value)) return ['must be an object'];
  const allowed = RICH[String(value['type'])];
  if (!allowed) return [`unsupported rich text ${String(value['type'])}`];
  return some(value['elements'], 1_000, (one) => {
    if (!isRecord(one) || !allowed.includes(String(one['type']))) return ['unsupported rich text element'];
    if (one['type'] !== 'text') return [];
    return typeof one['text'] === 'string' && one['text'].length > 0
      ? []
      : ['must be more than 0 characters'];
  });
}

function inputElement(value: unknown): string[] {
  if (!isRecord(value)) return ['element needed'];
  if (value['type'] === 'plain_text_input')
    return typeof value['initial_value'] === 'string' && value['initial_value'].length > 3_000
      ? ['too long']
      : [];
  if (value['type'] !== 'static_select') return [`unsupported input ${String(value['type'])}`];
  return some(value['options'], 100, (option) =>
    isRecord(option)
      ? [
          ...textObject(option['text'], 75, ['plain_text']),
          ...(typeof option['value'] === 'string' && option['value'].length <= 150 ? [] : ['bad value']),
        ]
      : ['must be an object'],
  );
}

export function viewProblems(view: unknown): string[] {
  if (!isRecord(view) || view['type'] !== 'modal') return ['a modal is needed'];
  const metadata = view['private_metadata'];
  return [
    ...textObject(view['title'], 24, ['plain_text']),
    ...(view['submit'] === undefined ? [] : textObject(view['submit'], 24, ['plain_text'])),
    ...(typeof metadata === 'string' && metadata.length > 3_000 ? ['private_metadata too long'] : []),
    ...blockProblems(view['blocks'], 100),
  ];
}

function some(value: unknown, most: number, check: (one: unknown) => string[]): string[] {
  if (!Array.isArray(value) || value.length === 0) return ['must have at least 1 item'];
  return value.length > most ? [`no more than ${most} items allowed`] : value.flatMap(check);
}

function list(value: unknown, most: number): unknown[] {
  return Array.isArray(value) ? value.slice(0, most) : [];
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
