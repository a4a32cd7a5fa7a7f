import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseBrokerUrl } from '../../../src/targets/celery/broker-url.ts';
import type { Asked, Broker } from '../../../src/targets/celery/contract.ts';
import * as celery from '../../../src/targets/celery/control.ts';
import { Ear, UNHEARD } from '../../../src/targets/celery/ear.ts';
import { managedQueue } from '../../../src/targets/celery/management.ts';
import { envelope, openEnvelope } from '../../../src/targets/celery/message.ts';
import { waitingOf } from '../../../src/targets/celery/waiting.ts';

const FIXTURES = join(import.meta.dirname, '..', '..', 'fixtures', 'celery');
const read = (version: string, file: string) => readFileSync(join(FIXTURES, version, 'busy', file), 'utf8');
const VERSIONS = ['5.2.6', '5.6.3'] as const;

/** A broker whose one worker answers from a recording. */
function recorded(version: string): Broker {
  const replies = JSON.parse(read(version, 'replies.json')) as Record<string, unknown>;
  const ask = ({ method }: { method: string }): Promise<Asked> =>
    Promise.resolve({ answers: [{ node: 'celery@worker1', value: replies[method], ms: 5 }], subscribed: 1 });
  return { transport: 'redis', ask } as unknown as Broker;
}

describe.each(VERSIONS)('what a worker of Celery %s answers', (version) => {
  const broker = recorded(version);
  const of = <T>(told: celery.Answers<T>) => told.answers.get('celery@worker1');

  it('is read whole', async () => {
    expect(of(await celery.ping(broker))).toEqual({ ok: 'pong' });
    const stats = of(await celery.stats(broker));
    expect(stats).toMatchObject({ pool: { 'max-concurrency': 2 }, prefetch_count: expect.any(Number) });
    expect(stats?.pool.processes).toHaveLength(2);
    expect(stats?.total['shop.mail']).toBeGreaterThan(0);
    expect(stats?.rusage?.maxrss).toBeGreaterThan(10_000);
    const [task] = of(await celery.active(broker)) ?? [];
    expect(task).toMatchObject({ name: 'shop.mail', delivery_info: { routing_key: 'celery' } });
    expect(Object.keys(task ?? {})).not.toContain('kwargs');
    expect(of(await celery.reserved(broker))?.[0]?.time_start).toBeNull();
    expect(of(await celery.registered(broker))).toContain('shop.invoice');
    expect(of(await celery.activeQueues(broker))).toEqual([{ name: 'celery', routing_key: 'celery' }]);
    expect(of(await celery.scheduled(broker))).toEqual(expect.any(Array));
  });

  it('and what it refuses is an error in its own words', async () => {
    const told = await celery.control.autoscale(broker, { max: 3, min: 1 });
    expect(told.errors.get('celery@worker1')).toBe('Autoscale not enabled');
    expect(
      celery.sorted(await broker.ask({ method: 'nonsense' }), z.never()).errors.get('celery@worker1'),
    ).toBe('nonsense');
  });

  it('names the task of a queued message, and none of its arguments', () => {
    const [text = ''] = read(version, 'head.txt').split('\n');
    const opened = openEnvelope(text);
    expect(opened && waitingOf(opened)).toEqual({
      task: 'shop.mail',
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  });
});

describe('events', () => {
  const bodies = read('5.2.6', 'events.jsonl')
    .split('\n')
    .filter(Boolean)
    .map((line) => openEnvelope((JSON.parse(line) as [string, string])[1])?.body);

  it('of a recording give how each task ended', () => {
    const ear = new Ear(() => 0);
    for (const body of bodies) ear.hear(body);
    const heard = ear.take();
    const row = (task: string) => heard.ended.find((one) => one.task === task);
    expect(row('shop.invoice')).toMatchObject({ received: 2, failed: 2, succeeded: 0 });
    expect(row('shop.mail')).toMatchObject({ failed: 0, succeeded: 29, retried: 0 });
    expect(row('shop.later')).toMatchObject({ retried: 1, failed: 1 });
    expect(heard.failures.find((one) => one.task === 'shop.invoice')).toMatchObject({
      count: 2,
      node: 'celery@worker1',
      exception: expect.stringContaining('ValueError'),
      where: expect.stringMatching(/tasks\.py", line \d+, in invoice/),
    });
    expect(heard.nodes).toEqual(new Map([['celery@worker1', { tasks: true }]]));
    expect(heard.recent.length).toBeLessThanOrEqual(50);
    expect(ear.take().ended).toEqual([]);
  });

  it('name a task whose beginning was heard in an earlier window; else it has no name', () => {
    const ear = new Ear(() => 0);
    const base = { hostname: 'celery@a', timestamp: 1 };
    ear.hear({ ...base, type: 'task-received', uuid: '1', name: 'shop.mail' });
    ear.take();
    ear.hear([
      { ...base, type: 'task-started', uuid: '1' },
      { ...base, type: 'task-succeeded', uuid: '1', runtime: 0.5 },
      { ...base, type: 'task-failed', uuid: '2', exception: "KeyError('x')" },
    ]);
    expect(ear.take().ended).toMatchObject([
      { task: 'shop.mail', succeeded: 1, runtime: 0.5 },
      { task: UNHEARD, failed: 1 },
    ]);
  });

  it('name a retry that is told of after the task it made has ended', () => {
    const ear = new Ear(() => 0);
    const base = { hostname: 'celery@a', timestamp: 1, uuid: '1' };
    ear.hear([
      { ...base, type: 'task-received', name: 'shop.later' },
      { ...base, type: 'task-received', name: 'shop.later' },
      { ...base, type: 'task-failed', exception: 'Retry()' },
      { ...base, type: 'task-retried' },
    ]);
    expect(ear.take().ended).toMatchObject([{ task: 'shop.later', failed: 1, retried: 1 }]);
  });

  it('count only the time that it listened', () => {
    let now = 0;
    const ear = new Ear(() => now);
    now = 4000;
    ear.pause(true);
    now = 9000;
    const heard = ear.take();
    expect(heard).toMatchObject({ seconds: 4, paused: true });
    ear.resume();
    now = 10_000;
    expect(ear.take()).toMatchObject({ seconds: 1, paused: false });
  });

  it('whatever they hold, memory is bounded and nothing throws', () => {
    const event = fc.record(
      {
        type: fc.oneof(
          fc.constantFrom('task-received', 'task-failed', 'task-succeeded', 'worker-offline'),
          fc.string(),
        ),
        hostname: fc.oneof(fc.string(), fc.integer()),
        uuid: fc.oneof(fc.string(), fc.constant(null)),
        name: fc.string(),
        exception: fc.oneof(fc.string(), fc.double()),
        traceback: fc.anything(),
        timestamp: fc.anything(),
        runtime: fc.anything(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(event, fc.anything(), fc.array(event)), { maxLength: 50 }), (all) => {
        const ear = new Ear(() => 0);
        for (const one of all) ear.hear(one);
        for (const row of ear.take().ended) expect(row.runtime).toBeGreaterThanOrEqual(0);
      }),
    );
    const ear = new Ear(() => 0);
    for (let i = 0; i < 60_000; i++)
      ear.hear({
        type: i % 2 ? 'task-failed' : 'task-received',
        hostname: `n${i % 900}`,
        uuid: `${i}`,
        name: `t${i}`,
        exception: `E${i}`,
      });
    const heard = ear.take();
    expect(heard.ended.length).toBeLessThanOrEqual(800);
    expect(heard.failures.length).toBeLessThanOrEqual(60);
    expect(heard.nodes.size).toBeLessThanOrEqual(500);
    const counted = heard.ended.reduce((sum, row) => sum + row.received + row.failed, 0);
    expect(counted).toBeLessThanOrEqual(60_000);
  });
});

describe('messages', () => {
  it('come back out of their envelope as they went in', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.dictionary(fc.string(), fc.string()), (body, headers) => {
        const opened = openEnvelope(envelope(JSON.stringify(body), 'x', headers));
        expect(JSON.stringify(opened?.body)).toBe(JSON.stringify(body));
        expect({ ...opened?.headers }).toEqual({ ...headers });
      }),
    );
  });

  it('that are none, or pickled, are not opened', () => {
    fc.assert(fc.property(fc.string(), (text) => void openEnvelope(text)));
    const pickled = JSON.stringify({
      body: 'gASVAA==',
      'content-type': 'application/x-python-serialize',
      properties: { body_encoding: 'base64' },
    });
    expect(openEnvelope(pickled)?.body).toBeUndefined();
  });

  it('of protocol 1 name their task in the body, and a time where there is one', () => {
    const at = Date.UTC(2026, 10, 24, 12);
    const v1 = {
      headers: {},
      properties: { timestamp: at / 1000 },
      body: { task: 'shop.old', id: 'x', eta: '2026-11-24T12:00:00+00:00' },
    };
    expect(waitingOf(v1)).toEqual({ task: 'shop.old', id: 'x', sentAt: at, eta: at });
    expect(waitingOf({ headers: {}, properties: {}, body: 5 })).toEqual({ task: '(no name)', id: '' });
  });
});

describe('a broker’s URL', () => {
  it.each([
    [
      'redis://:p%40ss@queue1/3',
      {
        transport: 'redis',
        address: { host: 'queue1', port: 6379 },
        db: 3,
        password: 'p@ss',
        user: undefined,
      },
    ],
    [
      'rediss://u:p@[::1]:7000',
      { transport: 'redis', address: { host: '::1', port: 7000 }, db: 0, tls: { host: '::1' } },
    ],
    [
      'redis+socket:///run/redis.sock?virtual_host=2',
      { address: { path: '/run/redis.sock' }, db: 2, shown: '/run/redis.sock' },
    ],
    ['amqp://guest:g@mq//', { transport: 'amqp', address: { host: 'mq', port: 5672 }, vhost: '/' }],
    [
      'amqps://mq/shop%2Flive',
      { vhost: 'shop/live', address: { host: 'mq', port: 5671 }, tls: { servername: 'mq' } },
    ],
    ['pyamqp://mq', { transport: 'amqp', vhost: '/' }],
  ])('%s', (url, expected) => {
    expect(parseBrokerUrl(url, 'tasks')).toMatchObject(expected);
  });

  it.each(['sqs://x', 'nonsense', 'http://x'])('%s is none', (url) => {
    expect(() => parseBrokerUrl(url, 'tasks')).toThrow(/redis:\/\/, rediss:\/\//);
  });
});

it('RabbitMQ’s own counts of a queue', () => {
  const text = JSON.stringify({
    name: 'celery',
    messages_ready: 7,
    messages_unacknowledged: 3,
    consumers: 1,
    head_message_timestamp: 1_795_000_000,
    message_stats: { publish_details: { rate: 2.5 } },
  });
  expect(managedQueue(text, 'tasks')).toEqual({
    queue: 'celery',
    ready: 7,
    unacked: 3,
    consumers: 1,
    published: 2.5,
    acknowledged: undefined,
    oldestAt: 1_795_000_000_000,
  });
  expect(() => managedQueue('<html>', 'tasks')).toThrow(/management API/);
});
