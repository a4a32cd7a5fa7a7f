import { describe, expect, test } from 'vitest';
import { topMisses } from '../../../src/checks/varnish/checks.ts';
import type { Reason, UrlRow } from '../../../src/checks/varnish/facts.ts';
import { newTally } from '../../../src/checks/varnish/log-tally.ts';
import { History } from '../../../src/history/history.ts';
import { instanceView } from '../../../src/schedule/judging.ts';
import { inputOf, stackOf } from './judge.ts';

const AT = Date.UTC(2026, 0, 1);
const stack = stackOf({ edge: { kind: 'varnish', on: 'here', url: 'http://shop.test' } });

function row(path: string, backendRequests: number, reason: Reason, status = 200): UrlRow {
  const tally = { ...newTally(), requests: backendRequests, backendRequests, backendSeconds: 1 };
  return { ...tally, method: 'GET', host: 'shop.test', path, group: path, status, setCookie: false, reason };
}

/** Rows as the log gives them: the dearest first. */
function adviceFor(...urls: readonly UrlRow[]): string | undefined {
  const backendRequests = urls.reduce((sum, one) => sum + one.backendRequests, 0);
  const facts = { log: { seconds: 60, requests: backendRequests, backendRequests, urls, groups: [] } };
  const readings = [{ metric: 'visitors.requests', value: 60, unit: '/s' as const }];
  return (topMisses.judge as (input: object) => readonly { readonly advice?: string }[])({
    ...inputOf(stack, 'edge', new History(() => AT), AT),
    instances: [instanceView('here', AT, readings, facts)],
    thresholds: topMisses.thresholds.parse({}),
  })[0]?.advice;
}

describe('the advice about URLs that bypass the cache', () => {
  test('is for what keeps most requests out, not for the dearest URL', () => {
    const slow = row('/legacy/a', 18, 'cold', 301);
    const split = [row('/', 156, 'vary'), row('/product/1', 90, 'vary')];
    expect(adviceFor(slow, ...split)).toMatch(/^Vary splits/);
    expect(adviceFor(row('/legacy/a', 300, 'cold', 301), ...split)).toMatch(/^Permanent redirects/);
  });
  test('of a permanent redirect is for the header that keeps it out, where there is one', () => {
    expect(adviceFor(row('/legacy/a', 300, 'vary', 301))).toMatch(/^Vary splits/);
    expect(adviceFor(row('/legacy/a', 300, 'set-cookie', 308))).toContain('Set-Cookie');
    expect(adviceFor(row('/legacy/a', 300, 'no-store', 301))).toMatch(/^Permanent redirects/);
  });
});
