import { request } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { HistoryView } from '../../src/checks/contract.ts';
import { Config } from '../../src/config/schema.ts';
import { Stack } from '../../src/config/stack.ts';
import { Guard } from '../../src/remediations/guard.ts';
import { REMEDIATIONS, STEP_TYPES } from '../../src/remediations/index.ts';
import { openStore } from '../../src/store/store.ts';
import { askHaproxyOnce } from '../../src/targets/haproxy-socket.ts';
import { LocalTarget } from '../../src/targets/local.ts';
import { missingOf } from '../installed.ts';
import {
  type Daemons,
  daemons,
  HAPROXY,
  type TestApp,
  type TestHaproxy,
  testApp,
  testHaproxy,
} from './daemons.ts';
import { as, localTargets, PEOPLE, seenWith, silent } from './doubles.ts';

const gone = missingOf([HAPROXY]);
const here = new LocalTarget('lb', 'acting');
let at: Daemons;
let app: TestApp;
let haproxy: TestHaproxy;
let guard: Guard;
/** metric, or metric@instance -> value */
let figures: Record<string, number | undefined>;

beforeAll(async () => {
  if (gone) return;
  at = await daemons();
  app = await testApp();
  // One port on several loopback addresses: a host of the config is an address.
  haproxy = await testHaproxy(at, { app1: app.port, app2: app.port }, 'roundrobin', { app2: '127.0.0.2' });
}, 60_000);
afterAll(async () => {
  here.close();
  await at?.stop();
  await app?.close();
});

function history(): HistoryView {
  const series = ({
    metric,
    instance,
    windowMs,
  }: {
    metric: string;
    instance?: string;
    windowMs: number;
  }) => {
    const value = (instance === undefined ? undefined : figures[`${metric}@${instance}`]) ?? figures[metric];
    if (value === undefined) return [];
    return [4, 3, 2, 1, 0].map((back) => ({ at: Date.now() - (back * windowMs) / 5, value }));
  };
  return { series, latest: (query) => series({ ...query, windowMs: 1000 }).at(-1) };
}

beforeEach(() => {
  if (gone) return;
  figures = {
    ...{ 'uwsgi.workers': 6, 'uwsgi.busy_workers': 6, 'uwsgi.busy_seconds': 5.9, 'uwsgi.requests': 60 },
    ...{
      'uwsgi.listen_queue': 0,
      'haproxy.queue': 30,
      'visitors.requests': 100,
      'visitors.p95': 3,
      'visitors.error_share': 0,
    },
  };
  const config = Config.parse({
    act: { user: 'acting' },
    hosts: {
      lb: { local: true },
      app1: { address: '127.0.0.1' },
      app2: { address: '127.0.0.2' },
      app3: { address: '127.0.0.3' },
      app4: { address: '192.0.2.1' },
    },
    services: {
      balancer: { kind: 'haproxy', on: 'lb', socket: haproxy.socket, backend: 'shop', before: 'app' },
      app: { kind: 'uwsgi', on: ['app1', 'app2'], spares: ['app3'], port: app.port, uses: ['db'] },
      db: { kind: 'postgres', on: 'app1', primary: 'postgresql://warroom@127.0.0.1/shop' },
    },
    people: PEOPLE,
  });
  const stack = new Stack(config);
  guard = new Guard({
    ...{
      store: openStore(':memory:'),
      stack,
      config: () => config,
      targets: localTargets(stack),
      now: Date.now,
      log: silent,
    },
    seen: seenWith(history()),
    publish: async () => undefined,
    onChange: () => undefined,
    remediations: REMEDIATIONS,
    stepTypes: STEP_TYPES,
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms / 50)),
    at: (point) => {
      // Better once it is applied.
      if (point === 'settling')
        figures = { ...figures, 'haproxy.queue': 0, 'uwsgi.requests': 80, 'visitors.p95': 0.2 };
    },
  });
});

const wish = (remediation: string, params: object) => ({
  remediation,
  params: { service: 'app', ...params },
  effect: 'relief' as const,
});

async function refused(remediation: string, params: object): Promise<string> {
  const made = await guard.propose(5, wish(remediation, params));
  return 'refused' in made ? made.refused : `proposed ${made.id}`;
}

async function carriedOut(remediation: string, params: object) {
  const made = await guard.propose(5, wish(remediation, params));
  if ('refused' in made) throw new Error(made.refused);
  await guard.approve(made.id, made.planHash, as('ada'));
  await guard.idle();
  return guard.proposal(made.id);
}

const servers = () =>
  askHaproxyOnce(here, haproxy.socket, 'show servers state shop', AbortSignal.timeout(5000));

describe.skipIf(gone)(`the pool of application servers on a real HAProxy${gone ? ` (${gone})` : ''}`, () => {
  test('a spare is added as its neighbours are, and given back without one failed request', {
    timeout: 90_000,
  }, async () => {
    const added = await carriedOut('add-app-server', { server: 'app3' });
    expect(added).toMatchObject({ state: 'kept', title: 'Add app3 to app' });
    expect(added?.steps.map((step) => step.type)).toEqual(['http.healthy', 'haproxy.add-server']);
    expect(added?.steps[1]?.command).toContain('weight 1 maxconn 40');
    expect(added?.patch?.text).toContain(`server app3 127.0.0.3:${app.port} check`);
    expect(await servers()).toContain(' wr_5a_app3 127.0.0.3 2 0 ');
    expect(await refused('add-app-server', { server: 'app3' })).toContain('is in the pool already');
    expect(await refused('add-app-server', {})).toContain('in the pool already');

    expect(await refused('remove-app-server', { server: 'app3' })).toContain('no room');
    figures = { ...figures, 'uwsgi.workers': 2, 'uwsgi.busy_workers': 0.4, 'uwsgi.busy_seconds': 0.4 };
    expect(await refused('remove-app-server', { server: 'nobody' })).toContain('no server of app');
    const load = { on: true, failed: 0, done: 0 };
    const running = drive(load);
    const removed = await carriedOut('remove-app-server', { server: 'app3' });
    load.on = false;
    await running;
    expect(removed).toMatchObject({ state: 'kept', effect: 'give-back', title: 'Give app3 back' });
    expect(load.failed).toBe(0);
    expect(load.done).toBeGreaterThan(50);
    expect(await servers()).not.toContain('app3');
  });

  test('no server is added where it would not help', async () => {
    figures = { ...figures, 'uwsgi.busy_workers': 1, 'uwsgi.busy_seconds': 1, 'haproxy.queue': 0 };
    expect(await refused('add-app-server', {})).toContain('is not what is slow: 1 of 6 workers');
    figures = { ...figures, 'uwsgi.workers': undefined };
    expect(await refused('add-app-server', {})).toContain('cannot be seen');
    expect(await refused('add-app-server', { server: 'app9' })).toContain('is not a spare');
  });

  test('no server is added whose workers would find no room in the database', async () => {
    figures = { ...figures, 'postgres.connections': 96, 'postgres.connections_max': 100 };
    const spare = { server: 'app3' };
    expect(await refused('add-app-server', spare)).toBe(
      'db has 96 of 100 connections in use: the 6 workers of another server would find no room there.',
    );
    figures = { ...figures, 'postgres.connections': 42 };
    const made = await guard.propose(5, wish('add-app-server', spare));
    expect('refused' in made ? made.refused : guard.proposal(made.id)?.expects).toContain(
      'open more connections to db (42 of 100 in use)',
    );
  });

  test('a server is only taken when its workers’ own figures say so too', async () => {
    figures = { 'uwsgi.workers': 2, 'uwsgi.busy_workers': 0.1, 'visitors.p95': 0.1, 'haproxy.queue': 0 };
    figures['uwsgi.workers@app2'] = Number.NaN;
    expect(await refused('remove-app-server', { server: 'app1' })).toContain('no room');
    figures = { 'visitors.p95': 0.1, 'haproxy.queue': 0 };
    expect(await refused('remove-app-server', { server: 'app1' })).toContain(
      'workers of app2 cannot be seen',
    );
    figures = { 'uwsgi.workers': 2, 'uwsgi.busy_workers': 0.1, 'visitors.p95': 4 };
    expect(await refused('remove-app-server', { server: 'app1' })).toContain('Visitors wait 4.00 s');
    figures = { ...figures, 'visitors.p95': 0.1, 'haproxy.queue': 2 };
    expect(await refused('remove-app-server', { server: 'app1' })).toContain('wait in HAProxy');
  });

  test('the last healthy server is never taken', async () => {
    figures = { 'uwsgi.workers': 2, 'uwsgi.busy_workers': 0.1, 'visitors.p95': 0.1 };
    await askHaproxyOnce(here, haproxy.socket, 'set server shop/app2 state maint', AbortSignal.timeout(5000));
    expect(await refused('remove-app-server', { server: 'app1' })).toContain('the last server of app');
    await askHaproxyOnce(here, haproxy.socket, 'set server shop/app2 state ready', AbortSignal.timeout(5000));
  });
});

async function drive(load: { on: boolean; failed: number; done: number }): Promise<void> {
  while (load.on) {
    const status = await new Promise<number>((resolve) => {
      request({ port: haproxy.port, host: '127.0.0.1', path: '/load', agent: false }, (answer) => {
        answer.resume();
        answer.on('end', () => resolve(answer.statusCode ?? 0));
      })
        .on('error', () => resolve(0))
        .end();
    });
    load.done += 1;
    if (status !== 200) load.failed += 1;
  }
}
