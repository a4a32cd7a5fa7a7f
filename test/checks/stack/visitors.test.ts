import { describe, expect, test } from 'vitest';
import { visitors } from '../../../src/checks/stack/checks.ts';
import { History } from '../../../src/history/history.ts';
import { inputOf, stackOf } from '../varnish/judge.ts';

const AT = Date.UTC(2026, 0, 1);
const stack = stackOf({ edge: { kind: 'varnish', on: ['web1', 'web2'], url: 'http://shop.test' } }, [
  'web1',
  'web2',
]);

type Host = { requests: number; p95?: number; errors?: number };
type Facts = (target: string) => ReadonlyMap<string, object>;

const judge = (...hosts: Host[]) => judgeWith(undefined, ...hosts);

function judgeWith(facts: Facts | undefined, ...hosts: Host[]) {
  const history = new History(() => AT);
  hosts.forEach(({ requests, p95, errors = 0 }, i) => {
    history.write('edge', `web${i + 1}`, AT - 1000, [
      { metric: 'visitors.requests', value: requests, unit: '/s' },
      { metric: 'visitors.errors', value: errors, unit: '/s' },
      ...(p95 === undefined ? [] : [{ metric: 'visitors.p95', value: p95, unit: 's' }]),
    ]);
  });
  return visitors.judge({
    ...inputOf(stack, 'stack', history, AT),
    thresholds: visitors.thresholds.parse({}),
    ...(facts ? { facts: facts as <O>(target: string) => ReadonlyMap<string, Partial<O>> } : {}),
  })[0];
}

describe('what visitors get', () => {
  test('is fine when fast and without errors', () => {
    expect(judge({ requests: 120, p95: 0.2 })).toMatchObject({ level: 'ok', cleared: true });
  });
  test('counts the slowest host, not the sum', () => {
    expect(judge({ requests: 60, p95: 0.6 }, { requests: 60, p95: 0.7 })).toMatchObject({
      level: 'ok',
      value: 0.7,
    });
    expect(judge({ requests: 60, p95: 0.6 }, { requests: 60, p95: 1.4 })).toMatchObject({
      level: 'warn',
      threshold: 1,
    });
  });
  test('is critical from twice the limit, or from 5 % errors, and names the figure that is bad', () => {
    expect(judge({ requests: 60, p95: 2.1 })).toMatchObject({ level: 'critical', unit: 's' });
    expect(judge({ requests: 60, p95: 0.3, errors: 6 })).toMatchObject({
      level: 'critical',
      unit: 'share',
      value: 0.1,
    });
  });
  test('is no good sign yet between clearing and the limit', () => {
    expect(judge({ requests: 60, p95: 0.9 })).toMatchObject({ level: 'ok', cleared: false });
  });
  test('is thin below its minimum traffic, and unknown without figures', () => {
    expect(judge({ requests: 1, p95: 9 })).toMatchObject({ level: 'ok', basis: 'thin' });
    expect(judge()).toMatchObject({ level: 'unknown' });
  });
  test('names the pages that fail, or that take longest, as the log saw them', () => {
    const group = (group: string, requests: number, errors: number, backendSeconds: number) => ({
      group,
      requests,
      errors,
      backendRequests: requests / 2,
      backendSeconds,
      examples: [`${group}1`],
    });
    const facts = new Map([
      ['web1', { log: { groups: [group('/cart', 60, 30, 3), group('/old/*', 100, 0, 200)] } }],
      ['web2', { log: { groups: [group('/cart', 40, 20, 3)] } }],
    ]);
    const table = (given: { requests: number; p95?: number; errors?: number }) =>
      judgeWith((target) => (target === 'edge' ? facts : new Map()), given)?.evidence?.[1];
    expect(table({ requests: 60, p95: 0.3, errors: 6 })).toMatchObject({
      title: 'What fails at edge, over the last minute',
      rows: [['/cart', 100, 50, 0.12, '/cart1']],
    });
    expect(table({ requests: 60, p95: 2.1 })).toMatchObject({
      title: 'What takes the application longest, over the last minute',
      rows: [
        ['/old/*', 100, 0, 4, '/old/*1'],
        ['/cart', 100, 50, 0.12, '/cart1'],
      ],
    });
    expect(table({ requests: 60, p95: 0.3 })).toBeUndefined();
  });
});
