import { describe, expect, it } from 'vitest';
import type { Finding } from '../../src/checks/contract.ts';
import { Config } from '../../src/config/schema.ts';
import { Stack } from '../../src/config/stack.ts';
import type { Explanation } from '../../src/diagnosis/contract.ts';
import { IncidentBook } from '../../src/incidents/book.ts';

const stack = new Stack(
  Config.parse({
    hosts: {
      web1: { address: '10.0.0.1' },
      lb1: { address: '10.0.0.2' },
      app1: { address: '10.0.0.3' },
      lone: { address: '10.0.0.9' },
    },
    services: {
      edge: { kind: 'varnish', on: 'web1', url: 'http://www.example.com', before: 'balancer' },
      balancer: { kind: 'haproxy', on: 'lb1', backend: 'shop', before: 'app' },
      app: { kind: 'uwsgi', on: ['app1'] },
    },
  }),
);

type Said = { level?: Finding['level']; basis?: Finding['basis']; certain?: boolean; cleared?: boolean };

/** A war story told second by second: what was judged when, and which events came of it. */
function story() {
  const book = new IncidentBook({ stack, silenced: () => false, nextId: 12 });
  const say = (seconds: number, id: string, said: Said = {}) => {
    const [check = '', rest = ''] = id.split('@');
    const [target = '', subject] = rest.split('/');
    const level = said.level ?? 'warn';
    const finding: Finding = {
      check,
      target,
      ...(subject ? { subject } : {}),
      level,
      cleared: said.cleared ?? level === 'ok',
      certain: said.certain ?? false,
      basis: said.basis ?? 'enough',
      summary: `${id} is ${level}`,
      evidence: [],
    };
    return book
      .take({ at: seconds * 1000, check, target, findings: [finding] })
      .map((event) => `${event.kind} #${event.incident}`);
  };
  return { book, say };
}

const cause = (over: Partial<Explanation>): Explanation => ({
  cause: 'app-overload',
  target: 'app',
  confidence: 'sure',
  score: 0.9,
  title: 'Application overloaded',
  summary: '',
  ruledOut: [],
  covers: [],
  evidence: [],
  proposals: [],
  ...over,
});

describe('an incident opens', () => {
  it('after two bad samples of three, not after one', () => {
    const { say } = story();
    expect(say(0, 'host.load@web1')).toEqual([]);
    expect(say(5, 'host.load@web1', { level: 'ok' })).toEqual([]);
    expect(say(10, 'host.load@web1')).toEqual(['opened #12']);
  });

  it('at once when critical and certain', () => {
    const { say } = story();
    expect(say(0, 'haproxy.backends@balancer/app1', { level: 'critical', certain: true })).toEqual([
      'opened #12',
    ]);
  });

  it('for unknown only when the target was seen well, and three rounds long', () => {
    const { say } = story();
    for (const at of [0, 5, 10, 15]) expect(say(at, 'host.load@app1', { level: 'unknown' })).toEqual([]);
    say(20, 'host.load@app1', { level: 'ok' });
    expect(say(25, 'host.load@app1', { level: 'unknown' })).toEqual([]);
    expect(say(30, 'host.load@app1', { level: 'unknown' })).toEqual([]);
    expect(say(35, 'host.load@app1', { level: 'unknown' })).toEqual(['opened #12']);
  });

  it('not for thin samples', () => {
    const { say } = story();
    for (const at of [0, 5, 10, 15]) expect(say(at, 'varnish.hit-rate@edge', { basis: 'thin' })).toEqual([]);
  });
});

describe('one incident is one thread', () => {
  it('a connected part that goes bad within 30 s joins, a later one opens its own', () => {
    const { say } = story();
    say(0, 'uwsgi.busy@app');
    expect(say(5, 'uwsgi.busy@app')).toEqual(['opened #12']);
    say(10, 'haproxy.queue@balancer');
    expect(say(15, 'haproxy.queue@balancer')).toEqual(['joined #12']);
    say(40, 'varnish.errors@edge');
    expect(say(45, 'varnish.errors@edge')).toEqual(['opened #13']);
  });

  it('one that opened at a time that is still to come, by a clock that was set back, takes nothing in', () => {
    const { book, say } = story();
    say(5000, 'uwsgi.busy@app');
    expect(say(5005, 'uwsgi.busy@app')).toEqual(['opened #12']);
    say(1500, 'varnish.errors@edge');
    expect(say(1505, 'varnish.errors@edge')).toEqual(['opened #13']);
    for (const at of [1510, 1515, 1520]) say(at, 'varnish.errors@edge', { level: 'ok' });
    expect(book.get(13)?.state).toBe('resolved');
    say(100, 'varnish.errors@edge');
    expect(say(105, 'varnish.errors@edge')).toEqual(['opened #14']);
  });

  it('an unconnected part opens its own at any time', () => {
    const { say } = story();
    say(0, 'uwsgi.busy@app');
    say(5, 'uwsgi.busy@app');
    say(5, 'host.load@lone');
    expect(say(10, 'host.load@lone')).toEqual(['opened #13']);
  });

  it('what the cause covers is held back at any time', () => {
    const { book, say } = story();
    say(0, 'uwsgi.busy@app');
    say(5, 'uwsgi.busy@app');
    book.explain(12, [cause({ covers: ['varnish.errors@edge'] })], 8000);
    say(100, 'varnish.errors@edge');
    expect(say(105, 'varnish.errors@edge')).toEqual(['joined #12']);
    expect(book.get(12)?.parts['varnish.errors@edge']?.state).toBe('held');
  });

  it('two with one cause merge into the older, with one closing reply', () => {
    const { book, say } = story();
    say(0, 'uwsgi.busy@app');
    say(5, 'uwsgi.busy@app');
    say(40, 'varnish.errors@edge');
    say(45, 'varnish.errors@edge');
    book.explain(12, [cause({})], 46_000);
    const events = book.explain(13, [cause({})], 47_000);
    expect(events.map((event) => `${event.kind} #${event.incident} ${event.reply}`)).toContain(
      'merged #13 true',
    );
    expect(book.open().map((incident) => incident.id)).toEqual([12]);
    expect(book.get(12)?.parts['varnish.errors@edge']).toBeDefined();
  });

  it('an unreachable host holds back its services and its own checks', () => {
    const { book, say } = story();
    for (const id of ['uwsgi.busy@app', 'host.load@app1']) say(0, id, { level: 'ok' });
    expect(say(5, 'self.connectivity@self/app1', { level: 'critical', certain: true })).toEqual([
      'opened #12',
    ]);
    for (const at of [5, 10]) say(at, 'host.load@app1', { level: 'unknown' });
    expect(say(15, 'host.load@app1', { level: 'unknown' })).toEqual(['joined #12']);
    expect(book.get(12)?.parts['host.load@app1']?.state).toBe('held');
  });
});

it('what is wrong with Warroom itself has a thread of its own beside what visitors feel', () => {
  const { say } = story();
  say(0, 'stack.visitors@stack', { level: 'critical', certain: true });
  expect(say(5, 'self.store@self', { level: 'critical', certain: true })).toEqual(['opened #13']);
  expect(say(5, 'self.connectivity@self/app1', { level: 'critical', certain: true })).toEqual(['joined #12']);
});

describe('a host that cannot be reached', () => {
  const unreachable = { level: 'critical', certain: true } as const;

  it('is said in the thread that its symptoms opened, however long ago', () => {
    const { book, say } = story();
    expect(say(0, 'haproxy.backends@balancer/app1', { level: 'critical', certain: true })).toEqual([
      'opened #12',
    ]);
    expect(say(50, 'self.connectivity@self/app1', unreachable)).toEqual(['joined #12']);
    const parts = book.get(12)?.parts ?? {};
    expect(parts['haproxy.backends@balancer/app1']?.state).toBe('held');
    expect(parts['self.connectivity@self/app1']?.state).toBe('bad');
  });

  it('holds back what HAProxy says of it later', () => {
    const { book, say } = story();
    say(0, 'self.connectivity@self/app1', unreachable);
    expect(say(50, 'haproxy.backends@balancer/app1', { level: 'critical', certain: true })).toEqual([
      'joined #12',
    ]);
    expect(book.get(12)?.parts['haproxy.backends@balancer/app1']?.state).toBe('held');
  });

  it('has a thread of its own beside what is about another host', () => {
    const { say } = story();
    say(0, 'haproxy.backends@balancer/app1', { level: 'critical', certain: true });
    expect(say(50, 'self.connectivity@self/lone', unreachable)).toEqual(['opened #13']);
  });
});

describe('the cause', () => {
  it('stays with the thread while it heals, and stays sure until something speaks against it', () => {
    const { book, say } = story();
    say(0, 'uwsgi.busy@app');
    say(5, 'uwsgi.busy@app');
    const covers = ['uwsgi.busy@app'];
    book.explain(12, [cause({ covers })], 6000);
    book.explain(12, [cause({ covers, confidence: 'likely' })], 16_000);
    expect(book.get(12)?.causes[0]?.confidence).toBe('sure');
    book.explain(12, [], 26_000);
    expect(book.get(12)?.causes[0]?.title).toBe('Application overloaded');
    book.explain(12, [cause({ covers, confidence: 'not sure' })], 36_000);
    expect(book.get(12)?.causes[0]?.confidence).toBe('not sure');
  });
});

describe('an incident ends', () => {
  it('after three good samples of every part, and comes back as itself within ten minutes', () => {
    const { book, say } = story();
    say(0, 'uwsgi.busy@app');
    say(5, 'uwsgi.busy@app');
    expect(say(10, 'uwsgi.busy@app', { level: 'ok' })).toEqual(['changed #12'].slice(1));
    say(15, 'uwsgi.busy@app', { level: 'ok', cleared: false });
    for (const at of [20, 25]) say(at, 'uwsgi.busy@app', { level: 'ok' });
    expect(say(30, 'uwsgi.busy@app', { level: 'ok' })).toContain('resolved #12');
    say(100, 'uwsgi.busy@app');
    expect(say(105, 'uwsgi.busy@app')).toEqual(['reopened #12']);
    expect(book.open()).toHaveLength(1);
  });

  it('never because of unknown', () => {
    const { book, say } = story();
    say(0, 'uwsgi.busy@app');
    say(5, 'uwsgi.busy@app');
    for (let at = 10; at < 60; at += 5) say(at, 'uwsgi.busy@app', { level: 'unknown' });
    expect(book.open()).toHaveLength(1);
  });

  it('as not verified when traffic stays away for 15 minutes', () => {
    const { say } = story();
    say(0, 'varnish.hit-rate@edge');
    say(5, 'varnish.hit-rate@edge');
    let last: string[] = [];
    for (let at = 10; at <= 10 + 15 * 60; at += 5)
      last = say(at, 'varnish.hit-rate@edge', { level: 'ok', basis: 'thin' });
    expect(last).toEqual(['ended-unverified #12']);
  });

  it('not because the clock was set forward while there is no traffic, nor an hour late because it was set back', () => {
    for (const jump of [3600, -3600]) {
      const { book, say } = story();
      const begun = 10_000;
      say(begun, 'varnish.hit-rate@edge');
      say(begun + 5, 'varnish.hit-rate@edge');
      let at = begun + 5;
      const thin = (seconds: number) => {
        let last: string[] = [];
        for (const end = at + seconds; at < end; ) {
          at += 5;
          last = say(at, 'varnish.hit-rate@edge', { level: 'ok', basis: 'thin' });
        }
        return last;
      };
      thin(60);
      at += jump;
      thin(60);
      expect(book.open()).toHaveLength(1);
      expect(thin(15 * 60 - 55)).toEqual(['ended-unverified #12']);
    }
  });

  it('when the subject is no longer named', () => {
    const { book, say } = story();
    say(0, 'host.pinned-core@web1/4711');
    expect(say(5, 'host.pinned-core@web1/4711')).toEqual(['opened #12']);
    for (const at of [10, 15, 20]) say(at, 'host.pinned-core@web1', { level: 'ok' });
    expect(book.get(12)?.state).toBe('resolved');
  });
});
