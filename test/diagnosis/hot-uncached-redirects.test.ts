import { describe, expect, it } from 'vitest';
import type { Finding } from '../../src/checks/contract.ts';
import type { UrlRow, VarnishFacts } from '../../src/checks/varnish/facts.ts';
import { Config } from '../../src/config/schema.ts';
import { Stack } from '../../src/config/stack.ts';
import type { ExplainContext, ProbeContext } from '../../src/diagnosis/contract.ts';
import { about, CAUSES, diagnose } from '../../src/diagnosis/index.ts';
import { History } from '../../src/history/history.ts';

const stack = new Stack(
  Config.parse({
    hosts: {
      web1: { address: '10.0.0.1' },
      lb1: { address: '10.0.0.2' },
      app1: { address: '10.0.0.3' },
      app4: { address: '10.0.0.4' },
    },
    services: {
      edge: { kind: 'varnish', on: 'web1', url: 'http://www.example.com', before: 'balancer' },
      balancer: { kind: 'haproxy', on: 'lb1', backend: 'shop', before: 'app' },
      app: { kind: 'uwsgi', on: ['app1'], spares: ['app4'] },
    },
  }),
);
const silent = { warn: () => undefined };

function url(over: Partial<UrlRow>): UrlRow {
  return {
    method: 'GET',
    host: 'www.example.com',
    path: '/legacy/a',
    group: '/legacy/*',
    status: 301,
    statuses: { '301': 10 },
    requests: 10,
    hits: 0,
    misses: 10,
    passes: 0,
    pipes: 0,
    synths: 0,
    errors: 0,
    backendRequests: 10,
    backendSeconds: 5,
    setCookie: false,
    cacheControl: 'no-store',
    reason: 'no-store',
    ...over,
  };
}

function context(urls: readonly UrlRow[], busy: number, clients = 3): ExplainContext {
  const history = new History();
  const at = Date.now();
  history.write('app', 'app1', at, [
    { metric: 'uwsgi.workers', value: 2, unit: 'count' },
    { metric: 'uwsgi.busy_workers', value: busy, unit: 'count' },
    { metric: 'uwsgi.busy_seconds', value: busy, unit: 'count' },
    { metric: 'uwsgi.requests', value: 10, unit: '/s' },
    { metric: 'uwsgi.listen_queue', value: busy >= 2 ? 5 : 0, unit: 'count' },
  ]);
  const groups = [...new Set(urls.map((row) => row.group))].map((group) => ({
    ...url({}),
    group,
    urls: 1,
    examples: [],
    clients,
    permanent: { requests: 0, backendRequests: 0, backendSeconds: 0 },
  }));
  const log = {
    seconds: 60,
    requests: 100,
    limited: false,
    backendRequests: 0,
    backendSeconds: 0,
    permanent: { backendRequests: 0, backendSeconds: 0 },
    missing: { requests: 0, backendRequests: 0, backendSeconds: 0 },
    notFound: [],
    urls,
    groups,
  };
  const facts = new Map([['web1', { log } as Partial<VarnishFacts>]]);
  const finding: Finding = {
    check: 'uwsgi.busy',
    target: 'app',
    level: busy >= 2 ? 'critical' : 'ok',
    cleared: false,
    certain: false,
    basis: 'enough',
    summary: '',
    evidence: [],
  };
  return {
    stack,
    at,
    seen: {
      history,
      findings: () => [finding],
      changes: () => [],
      facts: <F>(target: string) =>
        (target === 'edge' ? facts : new Map()) as ReadonlyMap<string, Partial<F>>,
    },
  };
}

const answering =
  (answer: (args: { path: string; cookie?: boolean }) => object): ProbeContext['ask'] =>
  async (_probe, _target, args) =>
    answer(args as never) as never;
const redirect = answering(() => ({
  status: 301,
  location: '/product/1',
  cacheControl: 'no-store',
  setCookie: false,
}));
const burning = [
  url({}),
  url({ path: '/legacy/b' }),
  url({ path: '/', group: '/', status: 200, backendSeconds: 2, reason: 'pass' }),
];

describe('hot-uncached-redirects', () => {
  it('is sure when URLs, time and our own requests agree, and asks for cure and relief', async () => {
    const [best] = await diagnose(CAUSES, context(burning, 2), redirect, silent);
    expect(best).toMatchObject({ cause: 'hot-uncached-redirects', target: 'edge', confidence: 'sure' });
    expect(best?.summary).toContain(
      '/legacy/* is 67 % of the requests that reach the application but 83 % of its time',
    );
    expect(best?.proposals.map((wish) => [wish.remediation, wish.effect])).toEqual([
      ['cache-rule', 'cure'],
      ['add-app-server', 'relief'],
    ]);
    expect(about([best as never], ['haproxy.queue@balancer'])).toHaveLength(1);
  });

  it('proposes nothing when our own request with a cookie gets another answer', async () => {
    const personal = answering(({ cookie }) => ({
      status: 301,
      location: cookie ? '/mine' : '/product/1',
      setCookie: false,
    }));
    const found = (await diagnose(CAUSES, context(burning, 2), personal, silent)).find(
      (one) => one.cause === 'hot-uncached-redirects',
    );
    expect(found).toMatchObject({ confidence: 'not sure', proposals: [] });
    expect(found?.settle).toBeTruthy();
  });

  it('does not offer to keep for a year what one client network alone made hot', async () => {
    const [best] = await diagnose(CAUSES, context(burning, 2, 1), redirect, silent);
    expect(best).toMatchObject({ cause: 'hot-uncached-redirects' });
    expect(best?.proposals.map((wish) => [wish.remediation, wish.withheld !== undefined])).toEqual([
      ['cache-rule', true],
      ['add-app-server', false],
    ]);
    expect(best?.settle).toContain('only one client network');
  });

  it('takes a 503 of the overloaded application for no answer, not for another one', async () => {
    const overloaded = answering(() => ({ status: 503, setCookie: false }));
    const [best] = await diagnose(CAUSES, context(burning, 2), overloaded, silent);
    expect(best).toMatchObject({ cause: 'hot-uncached-redirects', confidence: 'likely' });
    expect(best?.proposals).toHaveLength(2);
  });

  it('is not named when redirects are a small part, or only cold', async () => {
    const small = [
      url({ backendSeconds: 0.2 }),
      url({ path: '/order', group: '/order/*', status: 200, backendSeconds: 9, reason: 'pass' }),
    ];
    const cold = burning.map((row) => (row.status === 301 ? { ...row, reason: 'cold' as const } : row));
    for (const urls of [small, cold])
      expect(
        (await diagnose(CAUSES, context(urls, 2), redirect, silent)).map((one) => one.cause),
      ).not.toContain('hot-uncached-redirects');
  });

  it('asks for no server when the application is not pressed', async () => {
    const [best] = await diagnose(CAUSES, context(burning, 0), redirect, silent);
    expect(best?.proposals.map((wish) => wish.remediation)).toEqual(['cache-rule']);
  });
});
