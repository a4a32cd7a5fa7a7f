import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fenced, inline, visible } from '../../../src/bot/discord/markdown.ts';
import { type Rendered, render } from '../../../src/bot/discord/render.ts';
import { tableLines } from '../../../src/bot/discord/table.ts';
import type { Action, Block, Message, Span } from '../../../src/message/contract.ts';
import { kinds, parse, shownText } from './discord-markdown.ts';
import { messageErrors } from './stand-in/validate.ts';
import type { MessageBody } from './stand-in/world.ts';

const zone = { timezone: 'Europe/Berlin' };

const NASTY = [
  ...[
    '@everyone',
    '@here',
    '<@42>',
    '<@!42>',
    '<@&42>',
    '<#42>',
    '</launch:42>',
    '<t:1700000000:R>',
    '<id:home>',
  ],
  ...[
    '<:fire:42>',
    '<a:fire:42>',
    ':fire:',
    'https://evil.example/x',
    '<https://evil.example>',
    'www.evil.example',
  ],
  ...[
    '[Approve](https://evil.example)',
    'discord.gg/evil',
    '**',
    '__',
    '~~',
    '||',
    '`',
    '``',
    '```',
    '```sh\n',
    '*',
  ],
  ...[
    '_',
    '# ',
    '## ',
    '-# ',
    '> ',
    '>>> ',
    '- ',
    '1. ',
    '\\',
    '\\\\',
    '\n',
    '\r\n',
    '\u0000',
    '\u202e',
    '\u200b',
  ],
  ...[
    '\ud800',
    '\udc00',
    '😀',
    'ä',
    ' ',
    '…',
    'a',
    '<',
    '>',
    '(',
    ')',
    '[',
    ']',
    ':',
    'http',
    '://',
    '<mailto:a@b.c>',
  ],
];
const nasty = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...NASTY) },
      fc.string({ unit: 'binary', maxLength: 12 }),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''));
const long = fc
  .tuple(nasty, fc.integer({ min: 1, max: 400 }))
  .map(([text, times]) => text.repeat(times).slice(0, 9000));
const words = fc.oneof({ weight: 5, arbitrary: nasty }, { weight: 1, arbitrary: long });

const span: fc.Arbitrary<Span> = fc.oneof(
  fc.record({ kind: fc.constantFrom('plain', 'strong', 'foreign', 'code'), text: words }),
  fc.record({
    kind: fc.constant('time' as const),
    at: fc.integer({ min: 0, max: 4e12 }),
    seconds: fc.boolean(),
  }),
);
const rich = fc.array(span, { maxLength: 6 });
const tone = fc.constantFrom('ok', 'warn', 'critical', 'unknown', 'set-up', undefined);
const action: fc.Arbitrary<Action> = fc.record(
  {
    kind: fc.constantFrom('acknowledge', 'silence', 'approve', 'timeline'),
    id: fc.oneof(fc.stringMatching(/^[0-9]{1,3}(-[A-Z])?$/), nasty),
    label: words,
    style: fc.constantFrom('primary', 'plain', 'danger'),
    planHash: fc.constantFrom('a'.repeat(64), 'x'),
  },
  { requiredKeys: ['kind', 'id', 'label', 'style'] },
);
const cell = fc.oneof(words, fc.double(), fc.constant(null));
const block: fc.Arbitrary<Block> = fc.oneof(
  fc
    .record({ kind: fc.constant('heading' as const), text: rich, tone, word: words })
    .map(({ tone: given, ...rest }) => (given === undefined ? rest : { ...rest, tone: given })),
  fc.record({ kind: fc.constant('text' as const), text: rich }),
  fc.record({
    kind: fc.constant('fields' as const),
    rows: fc.array(fc.record({ name: rich, value: rich }), { maxLength: 30 }),
  }),
  fc.record({
    kind: fc.constant('table' as const),
    title: words,
    columns: fc.array(fc.record({ name: nasty }), { maxLength: 8 }),
    rows: fc.array(fc.array(cell, { maxLength: 8 }), { maxLength: 60 }),
  }),
  fc.record({
    kind: fc.constant('code' as const),
    language: fc.constantFrom('sh', 'vcl', 'text'),
    text: words,
    title: words,
  }),
  fc.record({
    kind: fc.constant('chart' as const),
    title: words,
    unit: fc.constantFrom('s', 'share', ''),
    points: fc.array(fc.record({ at: fc.integer(), value: fc.double() }), { maxLength: 50 }),
  }),
  fc.record({ kind: fc.constant('actions' as const), actions: fc.array(action, { maxLength: 12 }) }),
);
const message: fc.Arbitrary<Message> = fc.record({ blocks: fc.array(block, { maxLength: 8 }) });

function body({ embeds, components }: Rendered): MessageBody {
  return JSON.parse(JSON.stringify({ embeds, components })) as MessageBody;
}

it('fits the limits, whatever the message', () => {
  fc.assert(
    fc.property(message, (one) => {
      const made = render(one, { ...zone, marker: 'w·123·abcdef' });
      expect(messageErrors(body(made))).toEqual([]);
      expect(made.embeds[0]?.description).not.toBe('');
      if (made.file) expect(made.file.text.length).toBeLessThanOrEqual(1_000_000);
    }),
    { numRuns: 150 },
  );
});

it('mentions nobody, links nowhere and formats nothing from outside', () => {
  fc.assert(
    fc.property(message, (one) => {
      const found = kinds(parse(render(one, zone).embeds[0]?.description ?? ''));
      const ours = ['heading', 'strong', 'code', 'fence', 'subtext'];
      expect(found.filter((kind) => !ours.includes(kind))).toEqual([]);
      const headings = one.blocks.filter((each) => each.kind === 'heading').length;
      expect(found.filter((kind) => kind === 'heading').length).toBeLessThanOrEqual(headings);
      expect(found.filter((kind) => kind === 'subtext').length).toBeLessThanOrEqual(1);
    }),
    { numRuns: 150 },
  );
});

it('shows foreign text as it is, letter for letter', () => {
  fc.assert(
    fc.property(words, (text) => {
      const nodes = parse(inline([{ kind: 'foreign', text }], 'UTC', 100_000).text);
      expect(kinds(nodes)).toEqual([]);
      expect(shownText(nodes)).toBe(visible(text));
    }),
    { numRuns: 800 },
  );
});

it('keeps its own formats apart, whatever stands beside them', () => {
  fc.assert(
    fc.property(fc.array(span, { minLength: 1, maxLength: 8 }), (spans) => {
      const nodes = parse(inline(spans, 'UTC', 1_000_000).text);
      expect(kinds(nodes).filter((kind) => kind !== 'strong' && kind !== 'code')).toEqual([]);
      const strong = spans
        .filter((one) => one.kind === 'strong')
        .map((one) => ('text' in one ? one.text : ''));
      expect(kinds(nodes).filter((kind) => kind === 'strong').length).toBeLessThanOrEqual(strong.length);
    }),
    { numRuns: 500 },
  );
});

it('lets nothing out of a code block', () => {
  fc.assert(
    fc.property(fc.array(words, { maxLength: 10 }), fc.integer({ min: 60, max: 4000 }), (lines, room) => {
      const { text } = fenced(lines, 'sh', room);
      expect(text.length).toBeLessThanOrEqual(room);
      expect(parse(text).map((node) => node.type)).toEqual(text === '' ? [] : ['fence']);
    }),
    { numRuns: 600 },
  );
});

it('is done in no time with a message of megabytes', () => {
  const text = '* @everyone\n'.repeat(200_000);
  const begun = performance.now();
  const blocks: Block[] = [
    { kind: 'text', text: [{ kind: 'foreign', text }] },
    { kind: 'code', language: 'sh', text },
  ];
  expect(messageErrors(body(render({ blocks }, zone)))).toEqual([]);
  expect(performance.now() - begun).toBeLessThan(10_000);
});

it('shows tone by colour, shape and word', () => {
  const { embeds } = render(
    { blocks: [{ kind: 'heading', tone: 'critical', text: [{ kind: 'plain', text: '#12 Overloaded' }] }] },
    zone,
  );
  expect(embeds[0]).toEqual({ description: '### ▲ CRITICAL \\#12 Overloaded', color: 0xd13438 });
});

it('fits a table to a phone, figures to the right', () => {
  const { lines, cut } = tableLines({
    kind: 'table',
    columns: [{ name: 'url' }, { name: 'time', unit: 's' }],
    rows: [
      [`/legacy/${'x'.repeat(80)}`, 0.25],
      ['/', 12],
    ],
  });
  expect(cut).toBe(true);
  expect(Math.max(...lines.map((line) => line.length))).toBe(44);
  expect(lines[2]).toBe(`/${' '.repeat(38)} 12 s`);
});

it('says what is left out, and gives the whole as a file', () => {
  const rows = Array.from({ length: 300 }, (_, i) => [`/page/${i}`, i]);
  const made = render(
    {
      blocks: [
        { kind: 'table', title: 'URLs', columns: [{ name: 'url' }, { name: 'hits' }], rows },
        { kind: 'text', text: [{ kind: 'plain', text: 'One next step' }] },
      ],
    },
    zone,
  );
  expect(made.embeds[0]?.description).toMatch(/… and \d+ more lines\n```\nOne next step\n-# Cut to fit/);
  expect(made.file?.text).toContain('/page/299');
});

it('puts buttons in rows, and says what must be typed where there are too many', () => {
  const actions = Array.from(
    { length: 28 },
    (_, i): Action => ({ kind: 'timeline', id: String(i), label: `T${i}`, style: 'plain' }),
  );
  const made = render({ blocks: [{ kind: 'actions', actions }] }, zone);
  expect(made.components.map((row) => row.components.length)).toEqual([5, 5, 5, 5, 5]);
  expect(made.embeds[0]?.description).toContain('T27 \\(timeline 27\\)');
});
