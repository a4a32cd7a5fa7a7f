import net from 'node:net';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { failures, workers } from '../../../src/checks/celery/checks.ts';
import type { CeleryFacts } from '../../../src/checks/celery/index.ts';
import * as celery from '../../../src/targets/celery/control.ts';
import { envelope, openEnvelope } from '../../../src/targets/celery/message.ts';
import { Rounds } from './rounds.ts';
import { missing, Servers, until } from './servers.ts';

/** Ends what was opened. */
const opened: Rounds[] = [];
const open = (...args: ConstructorParameters<typeof Rounds>) => {
  const made = new Rounds(...args);
  opened.push(made);
  return made;
};
const listening: net.Server[] = [];

/** A server that does what it is told with whoever comes. */
async function server(behave: (socket: net.Socket) => void): Promise<number> {
  const made = net.createServer((socket) => {
    socket.on('error', () => undefined);
    behave(socket);
  });
  listening.push(made);
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  return (made.address() as net.AddressInfo).port;
}

afterAll(async () => {
  await Promise.all(opened.map((one) => one.close()));
  for (const one of listening) one.close();
});

describe.each(['redis', 'amqp'])('a %s broker that is broken', (transport) => {
  const at = (port: number) => open(`${transport}://127.0.0.1:${port}/0`);
  const asked = (rounds: Rounds) => rounds.use((broker) => celery.ping(broker, { waitMs: 200 }), 700);

  it('accepts and says nothing: a deadline', async () => {
    const port = await server(() => undefined);
    const began = performance.now();
    await expect(asked(at(port))).rejects.toMatchObject({ code: 'TARGET_DEADLINE' });
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it('is not there, or closes at once, or speaks another language', async () => {
    const gone = await server(() => undefined);
    await new Promise((resolve) => listening.pop()?.close(resolve));
    await expect(asked(at(gone))).rejects.toMatchObject({ code: 'TARGET_UNREACHABLE' });
    const closing = await server((socket) => socket.destroy());
    await expect(asked(at(closing))).rejects.toMatchObject({ code: 'TARGET_UNREACHABLE' });
    const http = await server((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await expect(asked(at(http))).rejects.toMatchObject({ code: 'TARGET_UNREACHABLE' });
  });

  it('answers half, or without end: bounded, and said', async () => {
    const half = await server((socket) =>
      socket.once('data', () =>
        socket.write(transport === 'redis' ? '$100\r\nPON' : Buffer.from([1, 0, 0, 0, 0, 1, 0, 0])),
      ),
    );
    await expect(asked(at(half))).rejects.toMatchObject({ code: 'TARGET_DEADLINE' });
    const flood = await server((socket) => {
      socket.once('data', () => {
        socket.write(transport === 'redis' ? '$90000000\r\n' : Buffer.from([1, 0, 0, 5, 0, 0, 0]));
        const more = () => {
          while (!socket.destroyed && socket.write(Buffer.alloc(65_536, 120)));
        };
        socket.on('drain', more);
        more();
      });
    });
    await expect(asked(at(flood))).rejects.toMatchObject({
      code: expect.stringMatching(/^TARGET_(CUT|UNREACHABLE|DEADLINE)$/),
    });
  });
});

const why = missing('redis');
const EVIL = 'celery@w\u202e1`@everyone`<!channel>\u0007';

describe.skipIf(why)(`workers that are hostile ${why ?? ''}`, () => {
  const servers = new Servers();
  let redis: Awaited<ReturnType<Servers['redis']>>;
  let worker: Redis;
  let answer: (method: string) => unknown = () => ({ ok: 'pong' });

  beforeAll(async () => {
    redis = await servers.redis();
    worker = new Redis(redis.port);
    const ears = new Redis(redis.port);
    await ears.psubscribe('/0.celery.pidbox');
    ears.on('pmessage', (_pattern: string, _channel: string, text: string) => {
      const body = openEnvelope(text)?.body as {
        method: string;
        ticket: string;
        reply_to: { routing_key: string; exchange: string };
      };
      const reply = envelope(JSON.stringify({ [EVIL]: answer(body.method) }), '', { ticket: body.ticket });
      void worker.lpush(`${body.reply_to.routing_key}.${body.reply_to.exchange}`, reply);
    });
    afterAll(() => {
      worker.disconnect();
      ears.disconnect();
    });
  });
  afterAll(() => servers.stop());

  test('a name with controls is cut of them, and cannot be taken for more', async () => {
    const rounds = open(redis.url);
    await rounds.run('workers');
    const [row] = (rounds.view().facts as CeleryFacts).workers;
    expect(row?.node).not.toMatch(/[\u0000-\u001f]/);
    expect(rounds.judge(workers)).toMatchObject([{ level: 'ok', value: 1 }]);
    expect(rounds.view().readings.every((reading) => reading.labels === undefined)).toBe(true);
  });

  test('answers of another form are errors, and the collectors go on', async () => {
    const rounds = open(redis.url);
    for (const value of [
      null,
      5,
      'x',
      [],
      {},
      { ok: 'no' },
      { error: { deep: [1] } },
      { total: { 'shop.mail': 'many' }, pool: 7 },
    ]) {
      answer = () => value;
      await rounds.run('workers', 'stats', 'look');
    }
    answer = (method) =>
      method === 'stats' ? { total: { x: 5 }, pid: 1 } : [{ name: 5, time_start: 'now', id: {} }];
    await rounds.run('stats');
    expect((rounds.view().facts as CeleryFacts).pools[0]).toMatchObject({ size: 0, bytes: 0 });
    answer = () => ({ ok: 'pong' });
  });

  test('an answer of 20 MB ends that round, is said, and the next one works', async () => {
    const rounds = open(redis.url);
    answer = () => ({ ok: 'x'.repeat(20 * 1024 * 1024) });
    await expect(rounds.use((broker) => celery.ping(broker, { waitMs: 3000 }))).rejects.toMatchObject({
      code: 'TARGET_CUT',
    });
    answer = () => ({ ok: 'pong' });
    const { answers } = await rounds.use((broker) => celery.ping(broker));
    expect(answers.size).toBe(1);
    await servers.cli(redis.port, 'FLUSHALL');
  });

  test('a queue of huge messages is looked at as far as that goes', async () => {
    const message = (size: number) =>
      JSON.stringify({
        body: Buffer.from(JSON.stringify([['x'.repeat(size)], {}, {}])).toString('base64'),
        headers: { task: 'shop.big', id: '1' },
        properties: { body_encoding: 'base64' },
        'content-type': 'application/json',
      });
    for (let i = 0; i < 3; i++) await worker.lpush('celery', message(200_000));
    const rounds = open(redis.url);
    expect(await rounds.use((broker) => broker.peek('celery', 50))).toHaveLength(1);
    await worker.rpush('celery', message(12_000_000));
    await expect(rounds.use((broker) => broker.peek('celery', 50))).rejects.toMatchObject({
      code: 'TARGET_CUT',
    });
    expect((await rounds.run('queues')).value('celery.waiting')).toBe(4);
    await worker.del('celery');
    await worker.lpush('celery', 'no message', '{}', message(10));
    expect(await rounds.use((broker) => broker.peek('celery', 50))).toEqual([{ task: 'shop.big', id: '1' }]);
    await worker.del('celery');
  });

  test('a flood of events pauses the listener, and is said', async () => {
    const rounds = open(redis.url);
    await rounds.run('events');
    const text = envelope(
      JSON.stringify(
        Array.from({ length: 200 }, (_, i) => ({
          type: 'task-failed',
          hostname: EVIL,
          uuid: `${i}`,
          timestamp: 1,
          exception: `Boom('token=abc123 ${'x'.repeat(3000)}')`,
        })),
      ),
      '',
      {},
    );
    for (let i = 0; i < 20; i++) await worker.publish('/0.celeryev/task.multi', text);
    await until(async () => Number((await servers.cli(redis.port, 'PUBSUB', 'NUMPAT')).trim()) === 1);
    await rounds.run('events');
    const { events } = rounds.view().facts as CeleryFacts;
    expect(events.paused).toBe(true);
    expect(events.failures).toHaveLength(1);
    expect(JSON.stringify(events)).not.toContain('abc123');
    expect(JSON.stringify(events).length).toBeLessThan(3000);
    await until(async () => Number((await servers.cli(redis.port, 'PUBSUB', 'NUMPAT')).trim()) > 1);
    await worker.publish('/0.celeryev/task.multi', text);
    await until(async () => (await rounds.run('events')) && rounds.judge(failures)[0]?.level === 'critical');
  });
});
