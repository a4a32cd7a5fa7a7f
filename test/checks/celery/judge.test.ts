import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backlog, failures, workers } from '../../../src/checks/celery/checks.ts';
import type { QueuesSnapshot, StatsSnapshot, WorkersSnapshot } from '../../../src/checks/celery/collect.ts';
import { movementOf } from '../../../src/checks/celery/growth.ts';
import { type CeleryFacts, celery } from '../../../src/checks/celery/index.ts';
import { measureQueues, measureWorkers } from '../../../src/checks/celery/measure.ts';
import { measureStats } from '../../../src/checks/celery/measure-work.ts';
import { Known } from '../../../src/checks/celery/place.ts';
import type { Check, JudgeInput, Place, Reading } from '../../../src/checks/contract.ts';
import { Config } from '../../../src/config/schema.ts';
import { Stack } from '../../../src/config/stack.ts';
import { History } from '../../../src/history/history.ts';
import { instanceView } from '../../../src/schedule/judging.ts';
import { placesOf } from '../../../src/schedule/places.ts';

const AT = Date.UTC(2026, 10, 24, 20);
const stack = new Stack(
  Config.parse({
    hosts: {
      worker1: { address: '10.0.0.31' },
      worker2: { address: '10.0.0.32' },
      worker3: { address: '10.0.0.33' },
    },
    services: {
      tasks: { kind: 'celery', broker: 'redis://queue1/0', on: ['worker1', 'worker2'], spares: ['worker3'] },
    },
  }),
);
const [place] = placesOf(celery, stack, new Map()) as [Place];

/** A launch of a few minutes: what was read, and what is judged from it. */
class Story {
  now = AT;
  readonly history = new History(() => this.now);
  facts: Partial<CeleryFacts> = {};
  readings: Reading[] = [];

  write(
    target: string,
    ...readings: readonly [metric: string, value: number, unit: Reading['unit']][]
  ): void {
    const written = readings.map(([metric, value, unit]) => ({ metric, value, unit }));
    this.history.write(target, target === 'tasks' ? place.instance : target, this.now, written);
    if (target !== 'tasks') return;
    const names = new Set(written.map((one) => one.metric));
    this.readings = [...this.readings.filter((one) => !names.has(one.metric)), ...written];
  }

  judge<T>(check: Check<CeleryFacts, T>, thresholds: object = {}) {
    const view = instanceView(place.instance, this.now, this.readings, this.facts);
    const input = {
      target: 'tasks',
      at: this.now,
      instances: [view],
      history: this.history,
      changes: [],
      stack,
    };
    return check.judge({ ...input, thresholds: check.thresholds.parse(thresholds) } as JudgeInput<
      CeleryFacts,
      T
    >);
  }
}

/** A backlog that moves by so many tasks a second for 30 s, with so many done. */
function backlogStory(from: number, perSecond: number, done: number): Story {
  const story = new Story();
  for (let i = 0; i <= 6; i++) {
    story.now = AT + i * 5000;
    story.write(
      'tasks',
      ['celery.waiting', Math.max(0, from + perSecond * i * 5), 'count'],
      ['celery.done', done, '/s'],
    );
  }
  return story;
}

describe('celery.backlog', () => {
  it('is quiet while few wait, or a burst is worked off', () => {
    expect(backlogStory(5, 1, 10).judge(backlog)).toMatchObject([{ level: 'ok', value: 35 }]);
    const [draining] = backlogStory(500, -10, 20).judge(backlog);
    expect(draining).toMatchObject({ level: 'ok', cleared: true, value: 10 });
    expect(draining?.summary).toBe(
      '200 tasks wait, 20/s are done: a new one waits 10 s (limit 60 s); empty in about 20 s.',
    );
  });

  it('warns when it grows all the time, and when a task waits too long', () => {
    const [growing] = backlogStory(0, 6, 10).judge(backlog);
    expect(growing).toMatchObject({ level: 'warn', cleared: false, value: 18 });
    expect(growing?.summary).toBe(
      '180 tasks wait, 10/s are done: a new one waits 18 s (limit 60 s), and it grows by 6/s.',
    );
    expect(backlogStory(900, 0, 10).judge(backlog)).toMatchObject([
      { level: 'warn', value: 90, threshold: 60 },
    ]);
    expect(backlogStory(9000, 10, 10).judge(backlog)).toMatchObject([{ level: 'critical', threshold: 600 }]);
  });

  it('with nothing done it is critical; what is missing is said', () => {
    const story = backlogStory(100, 2, 0);
    story.write('tasks', ['celery.workers', 0, 'count']);
    expect(story.judge(backlog)).toMatchObject([
      {
        level: 'critical',
        summary: '160 tasks wait and none is taken up; 2/s more come.',
        advice: 'No worker answers: see celery.workers.',
      },
    ]);
  });

  it('without a rate of done tasks growth alone is judged', () => {
    const story = new Story();
    for (let i = 0; i < 4; i++) {
      story.now = AT + i * 5000;
      story.write('tasks', ['celery.waiting', 100 + 20 * i, 'count']);
    }
    expect(story.judge(backlog)).toMatchObject([{ level: 'warn', value: 160 }]);
  });

  it('says where there is room, else which spare there is', () => {
    const story = backlogStory(900, 10, 10);
    const pool = {
      node: 'celery@worker1',
      host: 'worker1',
      solo: false,
      size: 2,
      active: 2,
      prefetch: 8,
      autoscale: '',
      bytes: 80 << 20,
      perSecond: 5,
    };
    story.facts = { pools: [pool] };
    story.write('tasks', ['celery.pool_size', 2, 'count'], ['celery.active', 2, 'count']);
    const host = (name: string, busy: number, free: number) => {
      story.now += 1000;
      story.write(
        name,
        ['host.cores', 2, 'cores'],
        ['host.cpu_busy', busy, 'cores'],
        ['host.memory_available', free, 'B'],
      );
    };
    host('worker1', 0.2, 2 ** 31);
    host('worker2', 1.9, 2 ** 31);
    expect(story.judge(backlog)[0]?.advice).toBe(
      'There is room on worker1 (CPU 10 % of 2 cores, 2 GiB free; a process takes about 80 MiB): more processes (pool_grow, or -c at the next start). First see what the tasks below wait for: more workers ask more of a database.',
    );
    host('worker1', 0.2, 100 << 20);
    expect(story.judge(backlog)[0]?.advice).toContain('start a worker on worker3, which is a spare');
    story.facts = { pools: [{ ...pool, autoscale: '2 to 8' }] };
    host('worker1', 0.2, 2 ** 31);
    expect(story.judge(backlog)[0]?.advice).toContain('raise the autoscale range (now 2 to 8)');
    story.write('tasks', ['celery.pool_size', 8, 'count']);
    expect(story.judge(backlog)[0]?.advice).toContain('Only 2 of 8 processes work');
  });

  it('growth is told from chance and bursts', () => {
    const points = (...values: number[]) => values.map((value, i) => ({ at: AT + i * 5000, value }));
    expect(movementOf(points(0, 0, 0, 190))).toMatchObject({ growing: false });
    expect(movementOf(points(190, 160, 130, 100))).toEqual({ perSecond: -6, growing: false });
    expect(movementOf(points(1000, 1001, 1002, 1003))).toMatchObject({ growing: false });
    expect(movementOf(points(0, 20, 40))).toEqual({ perSecond: undefined, growing: false });
    fc.assert(
      fc.property(fc.array(fc.nat(1e6), { maxLength: 20 }), (values) => {
        const { growing, perSecond } = movementOf(points(...values));
        if (growing) expect(perSecond).toBeGreaterThan(0);
      }),
    );
  });
});

describe('celery.workers', () => {
  const round = (
    answered: Record<string, number>,
    silent: number | undefined,
    known: Record<string, number>,
  ): Partial<CeleryFacts> => {
    const snapshot: WorkersSnapshot = {
      answered: new Map(Object.entries(answered)),
      silent,
      twice: [],
      known: new Map(Object.entries(known)),
      listening: new Map(),
    };
    return measureWorkers(undefined, { at: AT, snapshot }, place).facts;
  };
  const story = (facts: Partial<CeleryFacts>) => Object.assign(new Story(), { facts });
  const ago = (seconds: number) => AT - seconds * 1000;

  it('misses a host of the config that never answered', () => {
    const facts = round({ 'celery@worker1.example.com': 5 }, 0, { 'celery@worker1.example.com': AT });
    expect(facts.missingHosts).toEqual(['worker2']);
    expect(story(facts).judge(workers)).toMatchObject([
      { subject: 'worker2', level: 'critical', value: 1, threshold: 2 },
    ]);
  });

  it('where no worker is named after a host, no host is missed', () => {
    const facts = round({ 'celery@ip-10-1-1-7': 5 }, 0, { 'celery@ip-10-1-1-7': AT });
    expect(facts.missingHosts).toEqual([]);
    expect(story(facts).judge(workers)).toMatchObject([{ level: 'ok' }]);
    expect(round({ 'w@10.0.0.31': 5 }, 0, { 'w@10.0.0.31': AT }).workers).toMatchObject([
      { host: 'worker1' },
    ]);
  });

  it('a worker in another’s place makes that one no loss', () => {
    const facts = round({ 'new@worker1': 5, 'celery@worker2': 5 }, 0, {
      'old@worker1': ago(300),
      'new@worker1': AT,
      'celery@worker2': AT,
    });
    expect(story(facts).judge(workers)).toMatchObject([{ level: 'ok', value: 2 }]);
  });

  it('which of two is silent and which is gone, the broker does not say', () => {
    const facts = round({ 'c@worker1': 5 }, 1, {
      'a@worker2': ago(60),
      'b@worker2': ago(60),
      'c@worker1': AT,
    });
    expect(facts.workers?.map((row) => row.state)).toEqual(['unheard', 'unheard', 'answers']);
    expect(story(facts).judge(workers, { critical: 0.9 })).toMatchObject([
      { subject: 'a@worker2', level: 'warn' },
      { subject: 'b@worker2', level: 'warn' },
    ]);
  });

  it('a solo pool may be silent for as long as a task takes', () => {
    const facts = round({ 'c@worker1': 5 }, 1, { 's@worker2': ago(60), 'c@worker1': AT });
    const pool = {
      node: 's@worker2',
      host: 'worker2',
      solo: true,
      size: 1,
      active: 1,
      prefetch: 4,
      autoscale: '',
      bytes: 0,
      perSecond: null,
    };
    expect(story({ ...facts, pools: [pool] }).judge(workers)).toMatchObject([{ level: 'ok' }]);
    expect(story({ ...facts, pools: [pool] }).judge(workers, { soloSeconds: 30 })).toMatchObject([
      { subject: 'worker2' },
    ]);
  });

  it('none that ever answered, or a clock that went back an hour', () => {
    expect(story(round({}, 0, {})).judge(workers)).toMatchObject([{ level: 'critical', certain: false }]);
    const early = story(round({ 'c@worker1': 5, 'c@worker2': 5 }, 0, { 'c@worker1': AT, 'c@worker2': AT }));
    early.now = AT - 3_600_000;
    expect(early.judge(workers)).toMatchObject([{ level: 'ok', value: 2 }]);
    const lost = story(round({ 'c@worker1': 5 }, 0, { 'c@worker1': AT, 'c@worker2': AT + 3_600_000 }));
    expect(lost.judge(workers)).toMatchObject([{ level: 'ok' }]);
  });

  it('those that are remembered are bounded, and forgotten after an hour', () => {
    const known = new Known();
    known.note(
      Array.from({ length: 800 }, (_, i) => `w${i}`),
      AT,
    );
    expect(known.nodes.size).toBe(500);
    known.note(['new'], AT + 4_000_000);
    expect([...known.nodes.keys()]).toEqual(['new']);
    expect(known.awake).toEqual(['new']);
  });
});

describe('figures', () => {
  const stats = (pid: number, total: Record<string, number>): StatsSnapshot => ({
    stats: new Map([
      [
        'celery@worker1',
        { total, pid, prefetch_count: 8, pool: { implementation: '', 'max-concurrency': 2, processes: [] } },
      ],
    ]),
    running: new Map(),
  });
  const done = (before: StatsSnapshot, now: StatsSnapshot, ms = 10_000) =>
    measureStats({ at: AT, snapshot: before }, { at: AT + ms, snapshot: now }, place).readings.find(
      (one) => one.metric === 'celery.done',
    )?.value;

  it('what was done is what was taken up, by two looks at the same process', () => {
    expect(done(stats(1, { a: 5, b: 1 }), stats(1, { a: 25, b: 1, c: 10 }))).toBe(3);
    expect(done(stats(1, { a: 5 }), stats(2, { a: 500 }))).toBeUndefined();
    expect(done(stats(1, { a: 5 }), stats(1, { a: 4 }))).toBeUndefined();
    expect(done(stats(1, { a: 5 }), stats(1, { a: 50 }), -3_600_000)).toBeUndefined();
    expect(done(stats(1, { a: 5 }), stats(1, { a: 50 }), 3_600_000)).toBeUndefined();
  });

  it('RabbitMQ’s own count of what is taken goes before none', () => {
    const snapshot: QueuesSnapshot = {
      queues: [{ queue: 'celery', ready: 7, byPriority: [], consumers: 2 }],
      unacked: undefined,
      managed: new Map([
        [
          'celery',
          {
            queue: 'celery',
            ready: 7,
            unacked: 8,
            consumers: 2,
            published: 1,
            acknowledged: 1,
            oldestAt: AT - 9000,
          },
        ],
      ]),
    };
    const { facts, readings } = measureQueues(undefined, { at: AT, snapshot });
    expect(facts.queues).toEqual([
      { queue: 'celery', ready: 7, byPriority: [], unacked: 8, consumers: 2, oldestSeconds: 9 },
    ]);
    expect(readings.find((one) => one.metric === 'celery.backlog')?.value).toBe(15);
  });

  it('in one line', () => {
    const story = new Story();
    story.write(
      'tasks',
      ['celery.waiting', 12, 'count'],
      ['celery.done', 9, '/s'],
      ['celery.failed', 0.5, '/s'],
    );
    const view = instanceView('worker1', AT, story.readings, {});
    expect(celery.figures([view])).toBe('12 waiting · 9/s done · 0.5/s fail');
  });
});

it('celery.failures below its minimum says so', () => {
  const story = new Story();
  const row = { task: 'shop.mail', succeeded: 3, failed: 1, retried: 0, meanSeconds: 0.1 };
  story.facts = {
    events: { seconds: 60, ended: [row], failures: [], tellers: ['celery@worker1'], paused: false },
  };
  expect(story.judge(failures)).toMatchObject([
    { level: 'ok', basis: 'thin', summary: 'Only 4 tasks ended in the last 1 min, 1 of them failed.' },
  ]);
});
