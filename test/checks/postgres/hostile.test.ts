import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { explain } from '../../../src/checks/postgres/collect/explain.ts';
import { type PostgresFacts, postgres } from '../../../src/checks/postgres/index.ts';
import { Looks, stackOf } from './looks.ts';
import { FIXTURES, type Row, readRecording } from './recording.ts';
import { contextWith, standIn, URLS } from './replay.ts';

const RECORDING = readRecording(join(FIXTURES, 'postgres', '15', 'locked'));
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.constantFrom(
    '',
    "select '",
    '$$',
    '/*',
    `select ${'a'.repeat(5000)}`,
    '\u0007<!channel>\u202e',
    'x'.repeat(9000),
  ),
);
const number = fc.oneof(
  fc.integer(),
  fc.constantFrom(0, -1, 2 ** 53),
  fc.double({ min: -1e15, max: 1e15, noNaN: true }),
);

/** Words of the server itself: with others in them nothing would be a session at work any more. */
const OWN_WORDS = new Set(['state', 'kind', 'waitType', 'waitEvent']);

/** The recorded shape, with other texts and numbers in it, taken in turn. */
function changed(value: unknown, texts: () => string, numbers: () => number): unknown {
  if (typeof value === 'string') return texts();
  if (typeof value === 'number') return numbers();
  if (Array.isArray(value)) return value.map((one) => changed(one, texts, numbers));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, OWN_WORDS.has(key) ? one : changed(one, texts, numbers)]),
  );
}

function inTurn<T>(all: readonly T[]): () => T {
  let next = 0;
  return () => all[next++ % all.length] as T;
}

/** What decides whether anything is read at all stays as it was. */
const KEPT = /pg_has_role|AS columns|pg_is_in_recovery|rolsuper/;

async function looked(texts: () => string, numbers: () => number): Promise<Looks> {
  let look = 1;
  const clients = new Map(
    Object.entries(URLS).map(([server, url]) => [
      url,
      standIn((ask) => {
        const answers = RECORDING.asked.find((one) => one.ask === ask)?.answers ?? [];
        const rows = answers.find((one) => one.at.includes(`${server} ${look}`))?.rows ?? [];
        return KEPT.test(ask) ? rows : (changed(rows, texts, numbers) as Row[]);
      }),
    ]),
  );
  const looks = new Looks(postgres, stackOf(URLS), (place) =>
    contextWith(place, (url) => clients.get(String(url)) ?? standIn(() => [])),
  );
  for (; look <= 2; look++) {
    // Without time between them two looks make no rate.
    vi.setSystemTime(Date.now() + 20_000);
    await looks.look(['activity']);
  }
  return looks;
}

beforeAll(() => void vi.useFakeTimers({ toFake: ['Date'] }));
afterAll(() => void vi.useRealTimers());

describe('whatever a server holds', () => {
  test('is read, measured and judged without an error, bounded, and without control characters', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { minLength: 1, maxLength: 20 }),
        fc.array(number, { minLength: 1, maxLength: 20 }),
        async (texts, numbers) => {
          const looks = await looked(inTurn(texts), inTurn(numbers));
          const { readings, facts: measured } = looks.measured('primary');
          const facts = measured as Partial<PostgresFacts>;
          for (const { metric, value } of readings)
            expect([metric, Number.isFinite(value)]).toEqual([metric, true]);
          for (const row of facts.sessions ?? []) {
            for (const name of [row.role, row.database, row.application])
              expect(name.length).toBeLessThanOrEqual(63);
            expect(row.query.length).toBeLessThanOrEqual(300);
            expect(`${row.role}${row.database}${row.application}${row.query}`).not.toMatch(CONTROL);
          }
          for (const row of facts.statements ?? []) {
            expect(row.query.length).toBeLessThanOrEqual(300);
            expect(row.query).not.toMatch(CONTROL);
          }
          for (const row of facts.tables ?? []) expect(`${row.schema}${row.table}`).not.toMatch(CONTROL);
          for (const row of facts.horizon ?? []) expect(row.holder.length).toBeLessThanOrEqual(120);
          for (const finding of looks.findings()) {
            expect(finding.summary).not.toMatch(/judging postgres/);
            expect(finding.value ?? 0).not.toBeNaN();
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe('a plan', () => {
  const node: fc.Arbitrary<Record<string, unknown>> = fc.letrec<{ node: Record<string, unknown> }>((tie) => ({
    node: fc.record(
      {
        'Node Type': fc.constantFrom('Seq Scan', 'Nested Loop', 'Hash Join', 'Aggregate', 'Index Scan'),
        'Relation Name': fc.string({ unit: 'binary', maxLength: 63 }),
        'Index Name': fc.string({ unit: 'binary', maxLength: 63 }),
        'Plan Rows': fc.double({ min: 0, max: 1e12, noNaN: true }),
        'Total Cost': fc.double({ min: 0, max: 1e12, noNaN: true }),
        Filter: fc.string({ unit: 'binary', maxLength: 5000 }),
        Plans: fc.array(tie('node'), { maxLength: 4 }),
      },
      { requiredKeys: ['Node Type'] },
    ),
  })).node;
  const planOf = (plan: unknown) =>
    explain(
      standIn((ask) =>
        ask.startsWith('EXPLAIN')
          ? [{ 'QUERY PLAN': plan }]
          : ask.includes('rolsuper')
            ? [{ owns: false }]
            : [],
      ),
      { text: 'SELECT 1', cut: false, role: 'shop' },
    );

  test('of any shape has thirty lines at most, each of them short', async () => {
    await fc.assert(
      fc.asyncProperty(node, async (plan) => {
        const { lines, sequential } = await planOf([{ Plan: plan }]);
        expect(lines.length).toBeLessThanOrEqual(30);
        for (const line of lines) {
          expect(line.length).toBeLessThanOrEqual(400);
        }
        for (const { kept } of sequential) expect(kept).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  test('that is none is no error', async () => {
    await fc.assert(
      fc.asyncProperty(fc.anything(), async (answer) => {
        await planOf(answer);
      }),
    );
  });
});
