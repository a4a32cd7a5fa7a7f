import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hitRate, redirects } from '../../../src/checks/varnish/checks.ts';
import type { VarnishFacts } from '../../../src/checks/varnish/facts.ts';
import { varnish } from '../../../src/checks/varnish/index.ts';
import { placeOf, Rounds, stackOf } from './judge.ts';
import { httpStatus, missing, Servers } from './servers.ts';

const why = missing('varnish', 'uwsgi');
describe.skipIf(why)(`a real Varnish before a real application ${why ?? ''}`, () => {
  const servers = new Servers();
  let edge: Awaited<ReturnType<Servers['varnish']>>;
  let rounds: Rounds;
  const [stat, log] = varnish.collectors as [(typeof varnish.collectors)[0], (typeof varnish.collectors)[0]];

  beforeAll(async () => {
    const app = await servers.uwsgi();
    edge = await servers.varnish(app.port);
    const stack = stackOf({
      edge: {
        kind: 'varnish',
        on: 'here',
        url: 'http://shop.test',
        instance: edge.instance,
        address: `127.0.0.1:${edge.port}`,
      },
    });
    rounds = new Rounds(placeOf(stack, 'edge'));
  });
  afterAll(() => servers.stop());

  test('its figures are those of what was asked, redirects are named, and their check warns', async () => {
    await httpStatus(edge.port, '/product/1');
    await rounds.run(stat);
    const window = rounds.run(log);
    await sleep(500);
    for (let i = 0; i < 12; i++) {
      await httpStatus(edge.port, '/product/1?secret=hunter2');
      await httpStatus(edge.port, '/product/1');
      await httpStatus(edge.port, `/legacy/${i % 3}?token=hunter2`);
      await httpStatus(edge.port, '/old');
    }
    await httpStatus(edge.port, '/cart');
    await httpStatus(edge.port, '/passed', { headers: { Cookie: 'sid=hunter2' } });
    await window;
    const view = await rounds.run(stat);

    const log1 = (view.facts as VarnishFacts).log;
    expect(log1.requests).toBe(50);
    expect(JSON.stringify(view)).not.toContain('hunter2');
    const legacy = log1.urls.find((row) => row.path === '/legacy/0');
    expect(legacy).toMatchObject({
      status: 301,
      requests: 4,
      backendRequests: 4,
      reason: 'no-store',
      group: '/legacy/*',
      location: '/product/1?…',
      cacheControl: 'no-store',
    });
    expect(log1.groups[0]).toMatchObject({
      group: '/legacy/*',
      urls: 3,
      clients: 1,
      permanent: { backendRequests: 12 },
    });
    expect(log1.urls.find((row) => row.path === '/passed')).toMatchObject({ passes: 1, reason: 'cookie' });
    expect(log1.urls.find((row) => row.path === '/old')).toMatchObject({
      synths: 12,
      reason: 'synth',
      status: 301,
    });
    expect(view.value('varnish.hit_share')).toBeCloseTo(23 / 50, 5);
    expect(view.value('varnish.offload_share')).toBeCloseTo(35 / 50, 5);
    expect(view.value('varnish.backend_healthy', { backend: 'lb' })).toBe(1);
    expect(view.value('visitors.requests')).toBeCloseTo(50 / 4, 5);
    expect(view.value('visitors.p95')).toBeGreaterThan(0.019);

    const [verdict] = rounds.judge(redirects);
    expect(verdict).toMatchObject({ level: 'critical' });
    expect(verdict?.value).toBeGreaterThan(0.5);
    expect(rounds.judge(hitRate)[0]).toMatchObject({ basis: 'thin' });
  });
});
