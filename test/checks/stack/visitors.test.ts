import { describe, expect, test } from 'vitest';
import { visitors } from '../../../src/checks/stack/checks.ts';
import { History } from '../../../src/history/history.ts';
import { inputOf, stackOf } from '../varnish/judge.ts';

const AT = Date.UTC(2026, 0, 1);
const stack = stackOf({ edge: { kind: 'varnish', on: ['web1', 'web2'], url: 'http://shop.test' } }, [
  'web1',
  'web2',
]);

function judge(...hosts: { requests: number; p95?: number; errors?: number }[]) {
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
});
