import { expect, test } from 'vitest';
import type { InstanceView } from '../../../src/checks/contract.ts';
import { cache, wraparound } from '../../../src/checks/postgres/checks.ts';
import type { PostgresFacts } from '../../../src/checks/postgres/index.ts';
import { measureDatabases } from '../../../src/checks/postgres/measure.ts';
import { Config } from '../../../src/config/schema.ts';
import { Stack } from '../../../src/config/stack.ts';
import { History } from '../../../src/history/history.ts';
import { instanceView } from '../../../src/schedule/judging.ts';
import { inputOf } from '../varnish/judge.ts';

const stack = new Stack(
  Config.parse({ services: { shopdb: { kind: 'postgres', primary: 'postgres://warroom@127.0.0.1/shop' } } }),
);
const database = {
  name: 'shop',
  commits: 0,
  rollbacks: 0,
  hits: 0,
  reads: 0,
  deadlocks: 0,
  tempBytes: 0,
  resetAt: 'a',
};
const at = (ms: number, given: Partial<typeof database>, age = 1000, startedAt = 'then') => ({
  at: ms,
  snapshot: {
    startedAt,
    databases: [{ ...database, ...given }],
    ages: [
      { database: 'shop', transactions: age, multixacts: 1, freezeMax: 200e6, multixactFreezeMax: 400e6 },
    ],
  },
});
const view = (measured: ReturnType<typeof measureDatabases>) =>
  instanceView('primary', 0, measured.readings, measured.facts) as InstanceView<PostgresFacts>;
const input = (measured: ReturnType<typeof measureDatabases>) => ({
  ...inputOf(stack, 'shopdb', new History(() => 0), 0),
  instances: [view(measured)],
});
const judgeCache = (...pair: Parameters<typeof measureDatabases>) =>
  cache.judge({ ...input(measureDatabases(...pair)), thresholds: cache.thresholds.parse({}) })[0];
const judgeAge = (age: number, horizon: PostgresFacts['horizon'] = []) => {
  const measured = measureDatabases(undefined, at(0, {}, age));
  return wraparound.judge({
    ...input({ ...measured, facts: { ...measured.facts, horizon } }),
    thresholds: wraparound.thresholds.parse({}),
  })[0];
};

test('blocks found in memory are a share of all, bad when low, and thin when few were asked for', () => {
  const before = at(0, {});
  expect(judgeCache(before, at(10_000, { hits: 99_000, reads: 1000 }))).toMatchObject({
    level: 'ok',
    value: 0.99,
    cleared: true,
  });
  expect(judgeCache(before, at(10_000, { hits: 6500, reads: 3500 }))).toMatchObject({
    level: 'ok',
    cleared: false,
  });
  expect(judgeCache(before, at(10_000, { hits: 5500, reads: 4500 }))).toMatchObject({
    level: 'warn',
    threshold: 0.6,
  });
  expect(judgeCache(before, at(10_000, { hits: 1000, reads: 9000 }))).toMatchObject({
    level: 'critical',
    threshold: 0.5,
  });
  expect(judgeCache(before, at(10_000, { reads: 100 }))).toMatchObject({ level: 'ok', basis: 'thin' });
});

test('a restart, a reset and a clock that went back give no share', () => {
  const before = at(10_000, { hits: 100, reads: 100 });
  for (const after of [
    at(20_000, { hits: 1e6, reads: 1e6 }, 1000, 'now'),
    at(20_000, { hits: 1e6, reads: 1e6, resetAt: 'b' }),
    at(0, { hits: 1e6, reads: 1e6 }),
  ])
    expect(judgeCache(before, after)).toMatchObject({ level: 'ok', basis: 'thin' });
  expect(judgeCache(undefined, before)).toMatchObject({ level: 'ok', basis: 'thin' });
});

test('an age is measured against where autovacuum freezes, and against all ids', () => {
  expect(judgeAge(190e6)).toMatchObject({ level: 'ok' });
  expect(judgeAge(320e6)).toMatchObject({ level: 'warn', value: 1.6, threshold: 1.5 });
  expect(judgeAge(1.2e9)).toMatchObject({ level: 'critical' });
  expect(judgeAge(320e6)?.summary).toBe(
    'The oldest transactions of shop are 320,000,000 old, 160 % of where autovacuum freezes (limit 150 %); 14.9 % of all ids.',
  );
});

test('ids that cannot be frozen name who still needs old rows', () => {
  const old = { holder: 'session 7 of shop (idle in transaction)', xminAge: 320e6, seconds: 900 };
  const held = judgeAge(320e6, [old]);
  expect(held?.advice).toBe(
    'Nothing can be frozen past what session 7 of shop (idle in transaction) still needs: end that first; autovacuum does the rest.',
  );
  expect(held?.evidence?.at(-1)).toMatchObject({
    title: 'Who still needs old rows',
    rows: [[old.holder, 320e6, 900]],
  });
  expect(judgeAge(320e6, [{ ...old, xminAge: 50 }])?.advice).toContain('VACUUM (FREEZE)');
});
