import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type PgbouncerFacts, pgbouncer } from '../../../src/checks/pgbouncer/index.ts';
import { Looks, stackOf } from '../postgres/looks.ts';
import { contextWith, standIn, URLS } from '../postgres/replay.ts';

const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

const cell = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.constantFrom(
    '',
    'shop',
    'pgbouncer',
    '7',
    '-1',
    '1e999',
    'NaN',
    '\u0007<!channel>\u202e',
    'x'.repeat(9000),
    null,
  ),
  fc.integer(),
  fc.anything(),
);
const NAMES = [
  ...[
    'database',
    'name',
    'user',
    'host',
    'port',
    'pool_mode',
    'pool_size',
    'reserve_pool',
    'reserve_pool_size',
  ],
  ...[
    'cl_active',
    'cl_waiting',
    'sv_active',
    'sv_idle',
    'sv_used',
    'sv_login',
    'maxwait',
    'maxwait_us',
    'paused',
  ],
  ...['current_connections', 'max_connections', 'disabled', 'total_xact_count', 'total_query_count'],
  ...['total_wait_time', 'key', 'value'],
];
const row = fc.dictionary(fc.constantFrom(...NAMES), cell);
const rows = fc.array(row, { maxLength: 8 });

beforeAll(() => void vi.useFakeTimers({ toFake: ['Date'] }));
afterAll(() => void vi.useRealTimers());

test('whatever the console says is read, measured and judged without an error, and bounded', async () => {
  await fc.assert(
    fc.asyncProperty(rows, rows, rows, rows, async (pools, databases, stats, config) => {
      const told: Readonly<Record<string, readonly Record<string, unknown>[]>> = {
        'SHOW POOLS': pools,
        'SHOW DATABASES': databases,
        'SHOW STATS': stats,
        'SHOW CONFIG': config,
      };
      const looks = new Looks(pgbouncer, stackOf(URLS), (place) =>
        contextWith(place, () => standIn((ask) => told[ask] ?? [])),
      );
      await looks.look();
      // Without time between them two looks make no rate.
      vi.setSystemTime(Date.now() + 5000);
      await looks.look();
      const { readings, facts } = looks.measured('pool');
      for (const { metric, value } of readings)
        expect([metric, Number.isFinite(value)]).toEqual([metric, true]);
      const { pools: seen = [], databases: known = [] } = facts as Partial<PgbouncerFacts>;
      for (const pool of seen) {
        for (const name of [pool.database, pool.role, pool.mode]) expect(name.length).toBeLessThanOrEqual(63);
        expect(`${pool.database}${pool.role}${pool.mode}`).not.toMatch(CONTROL);
        expect(pool.longestWait).not.toBeNaN();
      }
      for (const one of known) {
        expect(one.goesTo.length).toBeLessThanOrEqual(130);
        expect(`${one.name}${one.goesTo}`).not.toMatch(CONTROL);
      }
      const [finding] = looks.findings();
      expect(finding?.summary).not.toMatch(/judging pgbouncer/);
      expect(finding?.value ?? 0).not.toBeNaN();
    }),
    { numRuns: 300 },
  );
});

test('a console with more pools than anybody has is cut', async () => {
  const all = Array.from({ length: 20_000 }, (_, i) => ({
    database: `shop${i}`,
    name: `shop${i}`,
    user: 'shop',
    cl_waiting: 1,
  }));
  const looks = new Looks(pgbouncer, stackOf(URLS), (place) => contextWith(place, () => standIn(() => all)));
  await looks.look();
  const { facts, readings } = looks.measured('pool');
  expect((facts as Partial<PgbouncerFacts>).pools).toHaveLength(1000);
  expect((facts as Partial<PgbouncerFacts>).databases).toHaveLength(1000);
  expect(readings.find((one) => one.metric === 'pgbouncer.clients_waiting')?.value).toBe(1000);
});
