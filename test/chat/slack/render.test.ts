import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foreign } from '../../../src/bot/slack/escape.ts';
import { renderSlack } from '../../../src/bot/slack/render.ts';
import { say } from '../../../src/message/build.ts';
import type { Block, Message, Span } from '../../../src/message/contract.ts';
import { blockProblems, textLength } from './stand-in/blocks.ts';
import { decodeBlocks, decodeMarkup } from './stand-in/decode.ts';

const AT = Date.UTC(2026, 10, 24, 20, 14, 5);
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 300);
const OPTIONS = { timezone: 'UTC' };

/** What somebody would try, and what happens to come along. */
const nasty = fc.oneof(
  fc.constantFrom(
    ...[
      '<!channel>',
      '<!here>',
      '<@U0ADA>',
      '<#C0LAUNCH|x>',
      '<!subteam^S1>',
      '<http://evil|look>',
      '@channel',
      '@here',
    ],
    ...[
      'http://evil.example/x',
      'HTTPS://EVIL',
      'www.evil.example',
      'mailto:a@b.com',
      'x a.b@c.example y',
      'slack://open',
      'javascript:alert(1)',
    ],
    ...[
      '*bold*',
      '_it_',
      '~gone~',
      '`code`',
      '```block```',
      '> quote',
      '&gt; quote',
      ':fire:',
      ':100:',
      '&lt;!channel&gt;',
      '&amp;',
    ],
    ...[
      '\u202etxt',
      '\u2060',
      '\u200b',
      'a\nb',
      '\r\n',
      '\u0000',
      '\u001b[31m',
      '<',
      '>',
      '&',
      '👩‍👩‍👧',
      '\ud800',
      '*',
      '_',
      '<!',
      'channel>',
    ],
  ),
  fc.string({ unit: 'binary', maxLength: 30 }),
);
const text = fc.array(nasty, { maxLength: 6 }).map((parts) => parts.join(''));
const longText = fc.oneof(
  { weight: 8, arbitrary: text },
  { weight: 1, arbitrary: fc.integer({ min: 500, max: 20_000 }).map((n) => 'x&<'.repeat(n / 3)) },
);
const span: fc.Arbitrary<Span> = fc.oneof(
  fc.record({ kind: fc.constant('foreign' as const), text: longText }),
  fc.record({
    kind: fc.constantFrom('plain' as const, 'strong' as const),
    text: fc.constantFrom('', 'Visitors: ', 'p95 ', 'one\ntwo', 'wr_12a (relief)'),
  }),
  fc.record({ kind: fc.constant('code' as const), text: longText }),
  fc.record({ kind: fc.constant('time' as const), at: fc.constant(AT), seconds: fc.boolean() }),
);
const spans = fc.array(span, { maxLength: 60 });
const tone = fc.constantFrom(
  'ok' as const,
  'warn' as const,
  'critical' as const,
  'unknown' as const,
  'set-up' as const,
);
const cell = fc.oneof(longText, fc.double(), fc.integer(), fc.constant(null));
const action = fc.record({
  kind: fc.constantFrom('acknowledge' as const, 'approve' as const, 'timeline' as const),
  id: fc.constantFrom('12', '12-A'),
  label: text,
  style: fc.constantFrom('primary' as const, 'plain' as const, 'danger' as const),
});
const block: fc.Arbitrary<Block> = fc.oneof(
  fc.record({ kind: fc.constant('heading' as const), tone, text: spans }),
  fc.record({ kind: fc.constant('text' as const), text: spans }),
  fc.record({
    kind: fc.constant('fields' as const),
    rows: fc.array(fc.record({ tone, name: spans, value: spans }), { maxLength: 30 }),
  }),
  fc.record({
    kind: fc.constant('table' as const),
    title: text,
    columns: fc.array(fc.record({ name: text }), { maxLength: 5 }),
    rows: fc.array(fc.array(cell, { maxLength: 6 }), { maxLength: 80 }),
  }),
  fc.record({
    kind: fc.constant('code' as const),
    language: fc.constant('sh' as const),
    text: longText,
    title: text,
  }),
  fc.record({
    kind: fc.constant('chart' as const),
    title: fc.constant('p95'),
    unit: fc.constant('s'),
    points: fc.array(fc.record({ at: fc.constant(AT), value: fc.double() }), { maxLength: 90 }),
  }),
  fc.record({ kind: fc.constant('actions' as const), actions: fc.array(action, { maxLength: 40 }) }),
);
const message: fc.Arbitrary<Message> = fc.record({ blocks: fc.array(block, { maxLength: 70 }) });

describe('any message', () => {
  it('fits what Slack takes, and gives the whole as a file when it does not', () => {
    fc.assert(
      fc.property(message, (one) => {
        const { blocks, text: plain, file } = renderSlack(one, OPTIONS);
        expect(blockProblems(blocks)).toEqual([]);
        expect(textLength(blocks)).toBeLessThan(13_200);
        expect(blocks.length).toBeGreaterThan(0);
        expect(plain.length).toBeGreaterThan(0);
        expect(plain.length).toBeLessThanOrEqual(4_000);
        if (JSON.stringify(blocks).includes('the file has it all')) expect(file).toBeDefined();
      }),
      { numRuns: RUNS },
    );
  });

  it('mentions nobody, links nowhere, formats nothing that we did not build', () => {
    fc.assert(
      fc.property(message, (one) => {
        const { blocks, text: plain } = renderSlack(one, OPTIONS);
        for (const decoded of [decodeBlocks(blocks), decodeMarkup(plain)]) {
          expect(decoded.mentions).toEqual([]);
          expect(decoded.links).toEqual([]);
          expect(decoded.emojis).toEqual([]);
          expect(decoded.formats).toEqual([]);
          expect(decoded.text).not.toMatch(
            /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2061-\u2069\ufeff]/,
          );
        }
      }),
      { numRuns: RUNS },
    );
  });

  it('shows foreign text as it is, but for what cannot be seen', () => {
    fc.assert(
      fc.property(text, (words) => {
        const shown = decodeBlocks(
          renderSlack({ blocks: [{ kind: 'text', text: say`${words}` }] }, OPTIONS).blocks,
        );
        expect(shown.text.replaceAll('\u2060', '').trim() || '-').toBe(
          foreign(words).replaceAll('\u2060', '').trim() || '-',
        );
      }),
    );
  });
});

describe('a card', () => {
  it('mentions exactly whom it was given', () => {
    const { blocks, text: plain } = renderSlack(
      { blocks: [{ kind: 'text', text: say`${'<!channel> <@U1>'}` }] },
      {
        ...OPTIONS,
        mentions: [
          { kind: 'user', id: 'U0ADA' },
          { kind: 'group', id: 'S0ONCALL' },
          { kind: 'unknown', name: '@<!here>' },
        ],
      },
    );
    expect(decodeBlocks(blocks).mentions).toEqual(['@U0ADA', '!subteam^S0ONCALL']);
    expect(decodeMarkup(plain).mentions).toEqual(['@U0ADA', '!subteam^S0ONCALL']);
  });

  it('reads like the console', () => {
    const { blocks, text: plain } = renderSlack(
      {
        blocks: [
          { kind: 'heading', tone: 'critical', text: say`#12 Legacy redirects overload the app` },
          {
            kind: 'text',
            text: [
              { kind: 'plain', text: 'Why: ' },
              { kind: 'code', text: '/legacy/*' },
              { kind: 'plain', text: ' since ' },
              { kind: 'time', at: AT, seconds: true },
            ],
          },
          { kind: 'fields', rows: [{ tone: 'ok', name: say`edge`, value: say`91 % true hits` }] },
          {
            kind: 'table',
            columns: [{ name: 'URL' }, { name: 'time', unit: 's' }],
            rows: [['/legacy/a', 0.25]],
          },
          { kind: 'code', language: 'vcl', text: 'sub vcl_recv {\n\tset req.http.x = "1";\n}' },
          {
            kind: 'chart',
            title: 'p95',
            unit: 's',
            limit: 1,
            points: [1, 2, 3].map((value) => ({ at: AT, value })),
          },
        ],
      },
      OPTIONS,
    );
    expect(blocks[0]).toMatchObject({
      type: 'header',
      text: { text: '▲ CRITICAL #12 Legacy redirects overload the app', emoji: false },
    });
    expect(decodeBlocks(blocks).text).toContain('Why: /legacy/* since 20:14:05\n✓ edge  91 % true hits');
    expect(decodeBlocks(blocks).text).toContain('/legacy/a  250 ms');
    expect(decodeBlocks(blocks).text).toContain('  set req.http.x = "1";');
    expect(decodeBlocks(blocks).text).toContain('p95: ▃▆█ 3 s (limit 1 s)');
    expect(plain.split('\n')[0]).toBe('▲ CRITICAL #12 Legacy redirects overload the app');
  });

  it('keeps its buttons when its text is cut, with an id of their own each', () => {
    const again = {
      kind: 'approve',
      id: '12-A',
      label: 'Approve',
      style: 'primary',
      planHash: 'a'.repeat(64),
    } as const;
    const { blocks, file } = renderSlack(
      {
        blocks: [
          { kind: 'code', language: 'text', text: 'line\n'.repeat(5_000) },
          { kind: 'text', text: say`what follows it` },
          { kind: 'actions', actions: [again, again] },
        ],
      },
      OPTIONS,
    );
    const buttons = blocks.flatMap((one) => (one.type === 'actions' ? one.elements : []));
    expect(buttons.map((one) => 'value' in one && one.value)).toEqual(
      [1, 2].map(() => `approve:12-A:${'a'.repeat(64)}`),
    );
    expect(new Set(buttons.map((one) => one.action_id)).size).toBe(2);
    expect(decodeBlocks(blocks).text).toContain('what follows it');
    expect(file?.text.split('\n').length).toBeGreaterThan(5_000);
  });

  it('says how many lines are missing', () => {
    const { blocks } = renderSlack(
      {
        blocks: [
          {
            kind: 'code',
            language: 'text',
            text: Array.from({ length: 1_000 }, () => 'twenty characters ok').join('\n'),
          },
        ],
      },
      OPTIONS,
    );
    const shown = decodeBlocks(blocks).text;
    const kept = shown.split('twenty characters ok').length - 1;
    expect(shown).toContain(`… cut, ${1_000 - kept} more lines: the file has it all`);
  });
});
