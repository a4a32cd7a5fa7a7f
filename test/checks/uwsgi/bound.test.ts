import { beforeEach, expect, test } from 'vitest';
import { boundBy } from '../../../src/checks/uwsgi/checks/bound.ts';
import { busy, errors } from '../../../src/checks/uwsgi/checks.ts';
import { History } from '../../../src/history/history.ts';
import { instanceView } from '../../../src/schedule/judging.ts';
import { stackOf } from '../varnish/judge.ts';

const now = 1e12;
let history: History;
beforeEach(() => {
  history = new History(() => now);
});

function host(name: string, cpu: number, more: Record<string, number> = {}): void {
  const readings = { 'host.cpu_busy': cpu, 'host.cores': 2, 'host.memory_available': 4e9, ...more };
  history.write(
    name,
    name,
    now - 1000,
    Object.entries(readings).map(([metric, value]) => ({ metric, value, unit: 'count' })),
  );
}

const instances = ['app1', 'app2'].map((name) =>
  instanceView(
    name,
    now,
    [
      { metric: 'uwsgi.workers', value: 2, unit: 'count' },
      { metric: 'uwsgi.busy_workers', value: 2, unit: 'count' },
      { metric: 'uwsgi.busy_seconds', value: 2, unit: 'cores' },
      { metric: 'uwsgi.worker_rss', value: 60e6, unit: 'B' },
    ],
    {},
  ),
);

test('CPU full, or throttled by a quota: another server', () => {
  host('app1', 1.9);
  host('app2', 1.8);
  expect(boundBy({ instances, history })).toMatch(/^CPU-bound: CPU 92\.5 % on app1, app2\. .*another server/);
  history = new History(() => now);
  host('app1', 0.4, { 'host.throttled_share': 0.6 });
  host('app2', 0.4, { 'host.throttled_share': 0.6 });
  expect(boundBy({ instances, history })).toMatch(/^CPU-bound/);
});

test('CPU and memory to spare: they wait, or there are too few of them', () => {
  host('app1', 0.2);
  host('app2', 0.3);
  expect(boundBy({ instances, history })).toMatch(
    /^Worker-bound: CPU 12\.5 % .* wait for something: see the database first/,
  );
  history = new History(() => now);
  host('app1', 1.4);
  host('app2', 1.4);
  expect(boundBy({ instances, history })).toContain('one more worker a server');
});

test('no memory for more: said with what is left', () => {
  host('app1', 0.3, { 'host.memory_available': 50e6 });
  host('app2', 0.3);
  expect(boundBy({ instances, history })).toMatch(/no memory for more: .*, 47\.7 MiB left on app1/);
});

test('hosts that are not known: both ways are named, nothing is claimed', () => {
  host('app1', 0.3);
  expect(boundBy({ instances, history })).toMatch(
    /^CPU and memory to spare on these hosts: more workers\. None: another server\./,
  );
});

test('the finding carries the advice and the hosts beside it', () => {
  host('app1', 1.95);
  host('app2', 1.95);
  const [bad] = busy.judge({
    target: 'app',
    at: now,
    instances,
    history,
    changes: [],
    thresholds: busy.thresholds.parse({}),
    stack: stackOf({ app: { kind: 'uwsgi', on: ['app1', 'app2'] } }, ['app1', 'app2']),
  });
  expect(bad).toMatchObject({ level: 'critical', advice: expect.stringContaining('CPU-bound') });
  expect(JSON.stringify(bad?.evidence)).toContain('"Their hosts"');
});

test('exceptions are told server by server', () => {
  const failing = (name: string, exceptions: number) =>
    instanceView(
      name,
      now,
      [
        { metric: 'uwsgi.requests', value: 10, unit: '/s' },
        { metric: 'uwsgi.exceptions', value: exceptions, unit: '/s' },
      ],
      {},
    );
  const [bad] = errors.judge({
    target: 'app',
    at: now,
    instances: [failing('app1', 0), failing('app2', 4)],
    history,
    changes: [],
    thresholds: errors.thresholds.parse({}),
    stack: stackOf({ app: { kind: 'uwsgi', on: ['app1', 'app2'] } }, ['app1', 'app2']),
  });
  expect(bad).toMatchObject({ level: 'critical', value: 0.2 });
  const [table] = bad?.evidence ?? [];
  expect(table?.kind === 'table' && table.rows.map((row) => [row[0], row.at(-1)])).toEqual([
    ['app1', 0],
    ['app2', 4],
  ]);
});
