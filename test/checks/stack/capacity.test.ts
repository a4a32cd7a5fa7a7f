import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CommandDesk } from '../../../src/bot/commands/contract.ts';
import { COMMANDS } from '../../../src/bot/commands/index.ts';
import { capacityOf } from '../../../src/checks/stack/capacity.ts';
import { CapacityThresholds, capacity } from '../../../src/checks/stack/capacity-check.ts';
import { Config } from '../../../src/config/schema.ts';
import { Stack } from '../../../src/config/stack.ts';
import { History } from '../../../src/history/history.ts';
import { renderPlain } from '../../../src/message/plain.ts';
import { inputOf } from '../varnish/judge.ts';

const AT = Date.UTC(2026, 0, 1);
const LIMITS = CapacityThresholds.parse({});

interface Load {
  /** Requests a second that the servers in use do together, and that arrive. */
  readonly done: number;
  readonly arriving?: number;
  /** Seconds of a worker and of CPU for one. */
  readonly busy: number;
  readonly cpu?: number;
  readonly inUse?: number;
  readonly cores?: number;
  readonly visitors?: number;
  readonly connections?: readonly [used: number, most: number];
}

function stackWith(expect: object = {}, uses: readonly string[] = ['shopdb']): Stack {
  const names = ['web1', 'lb1', 'app1', 'app2', 'app3', 'app4', 'app5', 'db1'];
  return new Stack(
    Config.parse({
      launch: { expect },
      hosts: Object.fromEntries(names.map((name, i) => [name, { address: `10.0.0.${i + 1}` }])),
      services: {
        edge: { kind: 'varnish', on: 'web1', url: 'http://shop.test', before: 'balancer' },
        balancer: { kind: 'haproxy', on: 'lb1', backend: 'shop', before: 'app' },
        app: { kind: 'uwsgi', on: ['app1', 'app2', 'app3'], spares: ['app4', 'app5'], uses },
        shopdb: { kind: 'postgres', on: 'db1', primary: 'postgres://watch@127.0.0.1/shop' },
        pool: {
          kind: 'pgbouncer',
          on: 'db1',
          admin: 'postgres://watch@127.0.0.1:6432/pgbouncer',
          before: 'shopdb',
        },
      },
    }),
  );
}

function historyOf({
  done,
  arriving = done,
  busy,
  cpu,
  inUse = 3,
  cores = 0.2,
  visitors,
  connections,
}: Load) {
  const history = new History(() => AT);
  for (let back = 11; back >= 0; back--) {
    const at = AT - back * 5000;
    const write = (target: string, instance: string, metric: string, value: number) =>
      history.write(target, instance, at, [{ metric, value, unit: 'count' }]);
    for (let i = 1; i <= inUse; i++) {
      write('app', `app${i}`, 'uwsgi.requests', done / inUse);
      write('app', `app${i}`, 'uwsgi.workers', 2);
      write('app', `app${i}`, 'uwsgi.busy_seconds', (done * busy) / inUse);
      write(`app${i}`, `app${i}`, 'host.cores', cores);
      if (cpu !== undefined) write(`app${i}`, `app${i}`, 'host.cpu_busy', (done * cpu) / inUse);
    }
    write('edge', 'web1', 'varnish.backend_requests', arriving);
    write('balancer', 'lb1', 'haproxy.requests', done);
    if (visitors !== undefined) write('edge', 'web1', 'visitors.requests', visitors);
    if (connections) {
      write('shopdb', 'db1', 'postgres.connections', connections[0]);
      write('shopdb', 'db1', 'postgres.connections_max', connections[1]);
    }
  }
  return history;
}

function judge(load: Load, expect: object = { app: 3 }, uses?: readonly string[]) {
  const stack = stackWith(expect, uses);
  return capacity.judge({ ...inputOf(stack, 'stack', historyOf(load), AT), thresholds: LIMITS })[0];
}

describe('the servers that a load needs', () => {
  test('by CPU: 40 requests/s of 18 ms on hosts of 0.2 cores need 5.1 at 70 %', () => {
    const found = capacityOf(
      'app',
      { stack: stackWith(), history: historyOf({ done: 40, busy: 0.03, cpu: 0.018 }) },
      LIMITS,
    );
    expect(found).toMatchObject({ fillsFirst: 'CPU', inUse: ['app1', 'app2', 'app3'] });
    expect(found?.needed).toBeCloseTo((40 * 0.018) / (0.2 * 0.7), 6);
    expect(found?.cpuPerRequest).toBeCloseTo(0.018, 9);
  });
  test('by workers, where they wait and do not compute', () => {
    const found = capacityOf(
      'app',
      { stack: stackWith(), history: historyOf({ done: 20, busy: 0.3, cpu: 0.002 }) },
      LIMITS,
    );
    expect(found).toMatchObject({ fillsFirst: 'workers' });
    expect(found?.needed).toBeCloseTo((20 * 0.3) / (2 * 0.7), 6);
  });
  test('for what arrives, not for what overloaded servers get done', () => {
    const found = capacityOf(
      'app',
      { stack: stackWith(), history: historyOf({ done: 33, arriving: 70, busy: 0.18, cpu: 0.018 }) },
      LIMITS,
    );
    expect(found?.arriving).toBe(70);
    expect(found?.needed).toBeCloseTo((70 * 0.018) / (0.2 * 0.7), 6);
  });
  test('from workers alone where the CPU of a host is not known', () => {
    expect(
      capacityOf('app', { stack: stackWith(), history: historyOf({ done: 20, busy: 0.03 }) }, LIMITS),
    ).toMatchObject({
      byCpu: undefined,
      fillsFirst: 'workers',
    });
  });
  test('never counts CPU that other programs of the host burn', () => {
    const found = capacityOf(
      'app',
      { stack: stackWith(), history: historyOf({ done: 10, busy: 0.02, cpu: 0.5 }) },
      LIMITS,
    );
    expect(found?.cpuPerRequest).toBeCloseTo(0.02, 9);
  });
  test('grow with the load, whatever the figures are', () => {
    const figure = (max: number) => fc.double({ min: 0.001, max, noNaN: true });
    fc.assert(
      fc.property(
        figure(500),
        figure(2),
        figure(2),
        fc.integer({ min: 1, max: 5 }),
        (done, busy, cpu, inUse) => {
          const at = (times: number) =>
            capacityOf(
              'app',
              { stack: stackWith(), history: historyOf({ done: done * times, busy, cpu, inUse }) },
              LIMITS,
            )?.needed ?? Number.NaN;
          expect(at(2) / at(1)).toBeCloseTo(2, 6);
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe('against the plan', () => {
  test('within it is fine, and says what can be given back', () => {
    expect(judge({ done: 10, busy: 0.03, cpu: 0.018 })).toMatchObject({
      level: 'ok',
      cleared: true,
      summary: 'This load needs 2 servers of app, planned 3.',
    });
    expect(judge({ done: 10, busy: 0.03, cpu: 0.018, inUse: 5 })?.summary).toBe(
      'This load needs 2 servers of app, planned 3; 5 are in use, so 2 can be given back.',
    );
  });
  test('above it warns with the cost, twice above it is critical', () => {
    const warned = judge({ done: 33, arriving: 40, busy: 0.18, cpu: 0.018 }, { app: 3, requests: '120/s' });
    expect(warned).toMatchObject({ level: 'warn', threshold: 3, unit: 'count' });
    expect(warned?.summary).toBe(
      'This load needs 6 servers of app, planned 3: look for a cause. 40/s arrive, each takes 18 ms of CPU.',
    );
    expect(warned?.advice).not.toContain('workers wait');
    expect(judge({ done: 40, busy: 0.3, cpu: 0.002 })?.advice).toContain(
      'Most of that time workers wait, not compute: see the database before adding servers.',
    );
    expect(judge({ done: 33, arriving: 70, busy: 0.18, cpu: 0.018 })).toMatchObject({ level: 'critical' });
  });
  test('says whether more visitors came than planned', () => {
    const expected = { app: 3, requests: '120/s' };
    const load = { done: 40, busy: 0.03, cpu: 0.018 };
    expect(judge({ ...load, visitors: 110 }, expected)?.advice).toMatch(
      /^No more visitors came than planned \(110\/s of 120\/s\)/,
    );
    expect(judge({ ...load, visitors: 180 }, expected)?.advice).toMatch(
      /^More visitors came than planned \(180\/s/,
    );
  });
  test('without a plan it goes by the config', () => {
    expect(judge({ done: 40, busy: 0.03, cpu: 0.018 }, {})?.summary).toContain(
      '6 servers of app, the config has 3',
    );
  });
  test('is thin with little traffic, and with none', () => {
    expect(judge({ done: 1, busy: 0.5, cpu: 0.5 })).toMatchObject({ level: 'ok', basis: 'thin' });
    const none = inputOf(stackWith(), 'stack', new History(() => AT), AT);
    expect(capacity.judge({ ...none, thresholds: LIMITS })).toMatchObject([{ level: 'ok', basis: 'thin' }]);
  });
  test('tells whether the database has room for more workers', () => {
    const load = { done: 40, busy: 0.03, cpu: 0.018 };
    const room = (more: Partial<Load>, uses?: readonly string[]) =>
      judge({ ...load, ...more }, { app: 3 }, uses)?.evidence?.find(
        (one) => one.kind === 'table' && one.title.startsWith('Room in the databases'),
      );
    expect(room({ connections: [31, 200] })).toMatchObject({ rows: [['shopdb', 31, 200, 169, 6, 'enough']] });
    expect(room({ connections: [97, 100] })).toMatchObject({
      rows: [['shopdb', 97, 100, 3, 6, 'NOT enough']],
    });
    expect(room({})).toMatchObject({
      rows: [['shopdb', null, null, null, 6, 'not known: its connections are not watched']],
    });
    expect(room({ connections: [97, 100] }, ['pool'])).toMatchObject({
      rows: [['shopdb', 97, 100, 3, 6, 'behind a pooler: its pool decides']],
    });
  });
});

describe('the command', () => {
  const command = COMMANDS.find((one) => one.name === 'capacity');
  const answered = async (times: string | undefined, load: Load = { done: 20, busy: 0.03, cpu: 0.018 }) => {
    const stack = stackWith({ app: 3 });
    const desk = {
      stack,
      config: stack.config,
      seen: { history: historyOf(load) },
    } as unknown as CommandDesk;
    const message = await command?.run({ args: { times }, flags: new Set() }, undefined as never, desk);
    return renderPlain(message as NonNullable<typeof message>, { timezone: 'UTC', width: 400, lines: 60 });
  };
  test('reckons the load of the moment, and one twice as high', async () => {
    expect(await answered(undefined)).toContain(
      'This load needs 3 servers of app, planned 3; 3 in use carry 1.17 times this load, CPU fills first.',
    );
    expect(await answered('x2')).toContain('2 times this load needs 6 servers of app, planned 3');
    expect(await answered('1.5')).toContain('1.5 times this load needs 4 servers');
  });
  test('refuses what is no factor', async () => {
    for (const wrong of ['x0', 'xx', '-2', '1e9', 'x1000'])
      expect(await answered(wrong)).toContain('is no factor from 0.1 to 100');
  });
});
