import { describe, expect, test } from 'vitest';
import type { Reading } from '../../src/checks/contract.ts';
import { hotQueries } from '../../src/checks/postgres/checks.ts';
import { notFound } from '../../src/checks/varnish/checks.ts';
import { History } from '../../src/history/history.ts';
import { instanceView } from '../../src/schedule/judging.ts';
import { inputOf, stackOf } from './varnish/judge.ts';

const AT = Date.UTC(2026, 0, 1);
const stack = stackOf({ edge: { kind: 'varnish', on: 'here', url: 'http://shop.test' } });

interface Judged {
  readonly thresholds: { parse(given: object): unknown };
  readonly judge: unknown;
}

function judged(check: Judged, facts: object, readings: readonly Reading[] = []) {
  const history = new History(() => AT);
  for (const ago of [10_000, 5_000, 0]) history.write('edge', 'here', AT - ago, readings);
  return (check.judge as (input: object) => readonly unknown[])({
    ...inputOf(stack, 'edge', history, AT),
    instances: [instanceView('here', AT, readings, facts)],
    thresholds: check.thresholds.parse({}),
  })[0];
}

describe('too little to judge is quiet, and an incident ends only well below it', () => {
  test('PostgreSQL: sessions at work', () => {
    const row = { query: 'SELECT 1', callsPerSecond: 40, meanSeconds: 0.001, rowsPerCall: 1, share: 1 };
    const at = (busy: number, calls = 40) =>
      judged(hotQueries, { statements: [row] }, [
        { metric: 'postgres.statement_busy', value: busy, unit: 'cores' },
        { metric: 'postgres.calls', value: calls, unit: '/s' },
      ]);
    expect(at(0.29)).toMatchObject({ level: 'ok', cleared: false });
    expect(at(0.24)).toMatchObject({ level: 'ok', cleared: true });
    expect(at(0.24)).not.toHaveProperty('basis');
    expect(at(0.01, 1)).toMatchObject({ basis: 'thin' });
  });
  test('Varnish: pages that are not there', () => {
    const { minimumNotFound } = notFound.thresholds.parse({});
    const at = (aMinute: number) =>
      judged(
        notFound,
        {
          log: {
            ...{ seconds: 60, requests: 1000, backendRequests: 500, backendSeconds: 5 },
            missing: { requests: aMinute, backendRequests: aMinute, backendSeconds: 1 },
            notFound: [
              {
                kind: 'prefix',
                path: '/nowhere/',
                requests: aMinute,
                backendRequests: aMinute,
                backendSeconds: 1,
                urls: 9,
              },
            ],
          },
        },
        [{ metric: 'visitors.requests', value: 60, unit: '/s' }],
      );
    expect(at(minimumNotFound * 0.9)).toMatchObject({ level: 'ok', cleared: false });
    expect(at(minimumNotFound * 0.7)).toMatchObject({ level: 'ok', cleared: true });
  });
});
