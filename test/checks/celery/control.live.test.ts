import type { ChildProcess } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as celery from '../../../src/targets/celery/control.ts';
import { REDIS_RIGHTS } from '../../../src/targets/celery/redis-client.ts';
import { Rounds } from './rounds.ts';
import { missing, Servers, until } from './servers.ts';

const why = missing('redis', 'celery');

describe.skipIf(why)(`Celery's remote control over Redis ${why ?? ''}`, { timeout: 60_000 }, () => {
  const servers = new Servers();
  const opened: Rounds[] = [];
  let redis: Awaited<ReturnType<Servers['redis']>>;
  let worker: ChildProcess;
  let rounds: Rounds;
  const open = (...args: ConstructorParameters<typeof Rounds>) => {
    const made = new Rounds(...args);
    opened.push(made);
    return made;
  };
  const keys = async () => (await servers.cli(redis.port, 'KEYS', '*')).split('\n').filter(Boolean).sort();
  const ours = async () => (await keys()).filter((key) => key.includes('warroom'));
  const inspect = async (method: string): Promise<unknown> => {
    const text = await servers.celery(redis.url, ['inspect', method, '-j', '-t', '0.7']);
    return JSON.parse(text.slice(text.indexOf('{')));
  };

  beforeAll(async () => {
    redis = await servers.redis();
    worker = await servers.worker({ node: 'celery@w1', broker: redis.url });
    rounds = open(redis.url);
  });
  afterAll(async () => {
    await Promise.all(opened.map((one) => one.close()));
    await servers.stop();
  });

  test('workers answer what celery inspect shows at the same moment', async () => {
    await servers.python(
      redis.url,
      `mail.apply_async((90, ), {'secret': 'hunter2'}, task_id='a1'); mail.apply_async((90,), task_id='a2'); mail.apply_async((0,), task_id='a3')
mail.apply_async((0,), countdown=600, task_id='s1')`,
    );
    await until(
      async () => (await rounds.use((broker) => celery.scheduled(broker))).answers.get('celery@w1')?.length,
    );
    const ours = await rounds.use(async (broker) => ({
      ping: await celery.ping(broker),
      active: await celery.active(broker),
      reserved: await celery.reserved(broker),
      scheduled: await celery.scheduled(broker),
      stats: await celery.stats(broker),
      registered: await celery.registered(broker),
      queues: await celery.activeQueues(broker),
      conf: await celery.conf(broker),
      task: await celery.queryTask(broker, ['a1', 'nobody']),
    }));
    expect(ours.ping).toMatchObject({ subscribed: 1, silent: 0 });
    expect(ours.ping.times.get('celery@w1')).toBeLessThan(1_000);
    const theirs = {
      active: (await inspect('active')) as Record<string, { id: string }[]>,
      reserved: (await inspect('reserved')) as Record<string, { id: string }[]>,
      scheduled: (await inspect('scheduled')) as Record<string, { request: { id: string } }[]>,
      stats: (await inspect('stats')) as Record<string, celery.Stats>,
      registered: await inspect('registered'),
    };
    const ids = (rows: readonly { id: string }[] | undefined) => rows?.map((row) => row.id).sort();
    expect(ids(ours.active.answers.get('celery@w1'))).toEqual(ids(theirs.active['celery@w1']));
    expect(ids(ours.active.answers.get('celery@w1'))).toEqual(['a1', 'a2']);
    expect(ids(ours.reserved.answers.get('celery@w1'))).toEqual(ids(theirs.reserved['celery@w1']));
    expect(ours.scheduled.answers.get('celery@w1')?.map((row) => row.request.id)).toEqual(
      theirs.scheduled['celery@w1']?.map((row) => row.request.id),
    );
    expect(ours.stats.answers.get('celery@w1')).toMatchObject({
      pid: theirs.stats['celery@w1']?.pid,
      total: theirs.stats['celery@w1']?.total,
      pool: { 'max-concurrency': 2 },
    });
    expect(Object.fromEntries(ours.registered.answers)).toEqual(theirs.registered);
    expect(ours.queues.answers.get('celery@w1')).toMatchObject([{ name: 'celery' }]);
    expect(ours.conf.answers.get('celery@w1')).toMatchObject({ task_ignore_result: true });
    expect(ours.task.answers.get('celery@w1')).toMatchObject({ a1: ['active', { name: 'shop.mail' }] });
    expect(JSON.stringify([...ours.active.answers])).not.toContain('hunter2');
  });

  test('what changes workers says what they said, and refusals are errors', async () => {
    // Those of the test before, or new ones.
    await servers.python(redis.url, "mail.apply_async((90,), task_id='b1')");
    await until(async () => {
      const { answers } = await rounds.use((broker) => celery.active(broker));
      return (answers.get('celery@w1')?.length ?? 0) > 0;
    });
    const said = await rounds.use(async (broker) => ({
      grow: await celery.control.poolGrow(broker, 2),
      autoscale: await celery.control.autoscale(broker, { max: 4, min: 1 }),
      rate: await celery.control.rateLimit(broker, 'shop.mail', '10/s'),
      unlimited: await celery.control.rateLimit(broker, 'shop.mail', '0'),
      wrong: await celery.control.rateLimit(broker, 'shop.mail', 'fast'),
      time: await celery.control.timeLimit(broker, 'shop.invoice', { soft: 5, hard: 9 }),
      unknown: await celery.control.timeLimit(broker, 'nobody', { soft: null, hard: null }),
      add: await celery.control.addConsumer(broker, 'extra'),
      revoke: await celery.control.revoke(broker, ['s1', 'a1', 'a2', 'b1'], {
        terminate: true,
        signal: 'SIGTERM',
      }),
      on: await celery.control.enableEvents(broker),
      nobody: await celery.ping(broker, { nodes: ['celery@nobody'], waitMs: 200 }),
    }));
    const of = (one: { answers: ReadonlyMap<string, unknown>; errors: ReadonlyMap<string, string> }) =>
      one.answers.get('celery@w1') ?? `! ${one.errors.get('celery@w1')}`;
    expect({
      ...said,
      nobody: undefined,
      ...Object.fromEntries(Object.entries(said).map(([name, one]) => [name, of(one)])),
    }).toMatchObject({
      grow: 'pool will grow',
      autoscale: '! Autoscale not enabled',
      rate: 'new rate limit set successfully',
      unlimited: 'new rate limit set successfully',
      wrong: expect.stringMatching(/^! Invalid rate limit string/),
      time: 'time limits set successfully',
      unknown: '! unknown task',
      add: 'add consumer extra',
      revoke: expect.stringMatching(/^terminate: [ab]\d/),
      on: 'task events already enabled',
    });
    expect(said.nobody).toMatchObject({ subscribed: 1, silent: 1 });
    await until(async () => {
      const { answers } = await rounds.use((broker) => celery.stats(broker));
      // `max-concurrency` stays what it was at the start.
      return answers.get('celery@w1')?.pool.processes.length === 4;
    });
    const now = await rounds.use(async (broker) => ({
      queues: await celery.activeQueues(broker),
      revoked: await celery.revoked(broker),
    }));
    expect(
      now.queues.answers
        .get('celery@w1')
        ?.map((one) => one.name)
        .sort(),
    ).toEqual(['celery', 'extra']);
    expect(now.revoked.answers.get('celery@w1')).toContain('s1');
    await rounds.use((broker) => celery.control.cancelConsumer(broker, 'extra'));
    await until(async () => {
      const left = await rounds.use((broker) => celery.activeQueues(broker));
      return left.answers.get('celery@w1')?.length === 1;
    });
  });

  test('a hundred rounds leave nothing behind', async () => {
    // Of the question to nobody above.
    await servers.cli(redis.port, 'DEL', ...(await ours()));
    const before = await keys();
    for (let i = 0; i < 100; i++) {
      const { silent } = await rounds.use((broker) => celery.ping(broker));
      expect(silent).toBe(0);
    }
    expect(await ours()).toEqual([]);
    expect(await keys()).toEqual(before);
  });

  test('a connection that is cut while it waits leaves only what ends by itself, and late answers go with it', async () => {
    worker.kill('SIGSTOP');
    const asked = rounds.use((broker) => celery.ping(broker, { waitMs: 5000 }), 300);
    await expect(asked).rejects.toMatchObject({ code: 'TARGET_DEADLINE' });
    const left = await ours();
    expect(left).toHaveLength(2);
    worker.kill('SIGCONT');
    // It answers the question that nobody waits for.
    await until(async () => {
      const list = left.find((key) => !key.startsWith('_kombu')) as string;
      return Number(await servers.cli(redis.port, 'LLEN', list)) === 2;
    });
    for (const key of await ours()) {
      const seconds = Number(await servers.cli(redis.port, 'TTL', key));
      expect(seconds, key).toBeGreaterThan(0);
      expect(seconds, key).toBeLessThanOrEqual(60);
    }
    const { answers } = await rounds.use((broker) => celery.ping(broker));
    expect([...answers.keys()]).toEqual(['celery@w1']);
  });

  test('one that is silent is told from none, and its late answer is nobody’s', async () => {
    worker.kill('SIGSTOP');
    const silent = await rounds.use((broker) => celery.ping(broker, { waitMs: 300 }));
    expect(silent).toMatchObject({ subscribed: 1, silent: 1, answers: new Map() });
    worker.kill('SIGCONT');
    await until(async () => (await rounds.use((broker) => celery.ping(broker))).silent === 0);
    for (const key of await ours())
      expect(Number(await servers.cli(redis.port, 'TTL', key))).toBeGreaterThan(0);
    await servers.cli(redis.port, 'DEL', ...(await ours()), 'none');
    const lonely = open(redis.url.replace('/0', '/7'));
    // Nobody is waited for: well under the second that answers are given. A busy machine may need more than one try.
    await until(async () => {
      const began = performance.now();
      const none = await lonely.use((broker) => celery.ping(broker));
      expect(none).toMatchObject({ subscribed: 0, silent: 0, answers: new Map() });
      return performance.now() - began < 500;
    });
  });

  test('another database and a global_keyprefix', async () => {
    const url = redis.url.replace('/0', '/2');
    const other = await servers.worker({
      node: 'celery@w2',
      broker: url,
      keyPrefix: 'shop:',
      argv: ['-c', '1', '-E'],
    });
    const prefixed = open(url, { keyPrefix: 'shop:' });
    await prefixed.run('events', 'workers', 'queues', 'stats', 'look');
    await servers.python(url, '[mail.delay(0.01) for _ in range(3)]', 'shop:');
    await until(async () => {
      const view = await prefixed.run('events');
      return (view.facts as { events: { ended: { succeeded: number }[] } }).events.ended[0]?.succeeded === 3;
    });
    expect((await prefixed.run('workers')).value('celery.workers')).toBe(1);
    const left = (await servers.cli(redis.port, '-n', '2', 'KEYS', '*warroom*')).trim();
    expect(left).toBe('');
    await servers.end(other);
  });

  test('the rights that are asked for are enough, and fewer are said with the line that gives them', async () => {
    await servers.cli(redis.port, 'ACL', 'SETUSER', 'warroom', 'on', '>s3cret', ...REDIS_RIGHTS.split(' '));
    const user = open(redis.url.replace('redis://', 'redis://warroom:s3cret@'));
    const view = await user.run('workers', 'queues', 'stats', 'look', 'events', 'workers');
    expect(view.value('celery.workers')).toBe(1);
    await servers.cli(redis.port, 'ACL', 'SETUSER', 'poor', 'on', '>s3cret', '~*', '&*', '-@all', '+ping');
    const poor = open(redis.url.replace('redis://', 'redis://poor:s3cret@'));
    await expect(poor.run('workers')).rejects.toMatchObject({
      code: 'NO_RIGHT',
      fields: { mend: expect.stringContaining(`ACL SETUSER warroom on '>PASSWORD' '~*' '&*' -@all +ping`) },
    });
    await expect(poor.run('queues')).rejects.toMatchObject({ code: 'NO_RIGHT' });
    await expect(poor.run('events')).rejects.toMatchObject({ code: 'NO_RIGHT' });
    const wrong = open(redis.url.replace('redis://', 'redis://warroom:other@'));
    await expect(wrong.run('workers')).rejects.toMatchObject({
      code: 'NO_RIGHT',
      fields: { what: expect.stringContaining('refused user and password') },
    });
    expect(String(await wrong.run('workers').catch((thrown: unknown) => thrown))).not.toContain('other');
  });

  test('a server with a password, without one in the URL', async () => {
    const locked = await servers.redis('requirepass s3cret');
    await expect(open(locked.url).run('workers')).rejects.toMatchObject({
      code: 'NO_RIGHT',
      fields: { what: 'use this Redis without a password' },
    });
    const opened = open(locked.url.replace('redis://', 'redis://:s3cret@'));
    expect((await opened.run('workers')).value('celery.workers')).toBe(0);
    await expect(
      open(locked.url.replace('redis://', 'redis://:s3cret@').replace('/0', '/99')).run('workers'),
    ).rejects.toMatchObject({
      code: 'TARGET_UNREACHABLE',
    });
  });

  test('TLS, and a unix socket', async () => {
    const { cert, key } = await certificate(servers);
    const socket = `${servers.folder}/redis.sock`;
    const tls = await servers.redis(
      `unixsocket ${socket}\nunixsocketperm 777\ntls-cert-file ${cert}\ntls-key-file ${key}\ntls-ca-cert-file ${cert}\ntls-auth-clients no\ntls-port 0`,
    );
    const port = Number((await servers.cli(tls.port, 'CONFIG', 'GET', 'port')).split('\n')[1]);
    expect(port).toBe(tls.port);
    const local = open(`redis+socket://${socket}?virtual_host=0`);
    expect((await local.run('workers')).value('celery.workers')).toBe(0);
    // The same server speaks TLS from now on.
    const tlsPort = tls.port + 1;
    await servers.cli(tls.port, 'CONFIG', 'SET', 'tls-port', String(tlsPort));
    const strict = open(`rediss://127.0.0.1:${tlsPort}/0`);
    await expect(strict.run('workers')).rejects.toMatchObject({
      code: 'TARGET_UNREACHABLE',
      fields: { problem: expect.stringContaining('TLS') },
    });
    const trusting = open(`rediss://127.0.0.1:${tlsPort}/0?ssl_ca_certs=${cert}`);
    expect((await trusting.run('workers')).value('celery.workers')).toBe(0);
    const careless = open(`rediss://127.0.0.1:${tlsPort}/0?ssl_cert_reqs=none`);
    expect((await careless.run('workers')).value('celery.workers')).toBe(0);
  });
});

async function certificate(servers: Servers): Promise<{ cert: string; key: string }> {
  const [cert, key] = [`${servers.folder}/cert.pem`, `${servers.folder}/key.pem`];
  await servers.run('/usr/bin/openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-keyout', key, '-out', cert, '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'],
  ]);
  return { cert, key };
}
