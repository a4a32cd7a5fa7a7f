import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backlog, failures, workers } from '../../../src/checks/celery/checks.ts';
import type { CeleryFacts } from '../../../src/checks/celery/index.ts';
import * as celery from '../../../src/targets/celery/control.ts';
import { Rounds } from './rounds.ts';
import { missing, Servers, until } from './servers.ts';

const why = missing('rabbitmq', 'celery');

describe.skipIf(why)(`Celery over RabbitMQ ${why ?? ''}`, { timeout: 60_000 }, () => {
  const servers = new Servers();
  const opened: Rounds[] = [];
  let rabbit: Awaited<ReturnType<Servers['rabbitmq']>>;
  let rounds: Rounds;
  const open = (...args: ConstructorParameters<typeof Rounds>) => {
    const made = new Rounds(...args);
    opened.push(made);
    return made;
  };
  const names = async (what: 'queues' | 'exchanges') => {
    const answer = await fetch(`http://127.0.0.1:${rabbit.management}/api/${what}?columns=name`, {
      headers: { Authorization: `Basic ${Buffer.from('guest:guest').toString('base64')}` },
    });
    return ((await answer.json()) as { name: string }[]).map(({ name }) => name).sort();
  };
  const as = (user: string, vhost = '/') =>
    `amqp://${user}@127.0.0.1:${rabbit.port}/${vhost === '/' ? '/' : vhost}`;

  beforeAll(async () => {
    rabbit = await servers.rabbitmq();
  }, 60_000);
  afterAll(async () => {
    await Promise.all(opened.map((one) => one.close()));
    await servers.stop();
  });

  test('without any worker nothing is asked, and nothing is made', async () => {
    const before = await names('exchanges');
    const lonely = open(rabbit.url);
    const view = await lonely.run('workers', 'queues');
    expect(view.value('celery.workers')).toBe(0);
    expect((view.facts as CeleryFacts).queues).toMatchObject([{ queue: 'celery', ready: null }]);
    await expect(lonely.run('events')).rejects.toMatchObject({
      code: 'TARGET_UNREACHABLE',
      fields: { problem: expect.stringContaining('celeryev') },
    });
    // The broker takes back what a refused connection had asked for in its own time.
    const left = async () => ({ exchanges: await names('exchanges'), queues: await names('queues') });
    await expect.poll(left, { timeout: 30_000 }).toEqual({ exchanges: before, queues: [] });
  });

  test('workers answer, tasks are counted, failures named, and queues agree with rabbitmqctl', async () => {
    await servers.worker({ node: 'celery@worker1', broker: rabbit.url });
    rounds = open(
      rabbit.url,
      { management: { env: 'MANAGEMENT' } },
      {},
      { MANAGEMENT: `http://guest:guest@127.0.0.1:${rabbit.management}` },
    );
    await rounds.run('events', 'queues', 'stats', 'look');
    await until(async () => (await rounds.run('workers')).value('celery.workers') === 1);
    await servers.python(
      rabbit.url,
      '[mail.delay(0.01) for _ in range(30)]; [invoice.delay() for _ in range(10)]',
    );
    await until(async () => {
      await rounds.run('events');
      const { events } = rounds.view().facts as CeleryFacts;
      return events.ended.reduce((sum, row) => sum + row.succeeded + row.failed, 0) === 40;
    });
    expect((await rounds.run('stats')).value('celery.done')).toBeGreaterThan(0);
    expect(rounds.judge(failures)).toMatchObject([{ level: 'critical', value: 0.25 }]);
    expect(rounds.judge(backlog)).toMatchObject([{ level: 'ok' }]);
    expect(rounds.judge(workers)).toMatchObject([{ level: 'ok', value: 1 }]);
    await servers.python(rabbit.url, '[mail.delay(90) for _ in range(70)]');
    await until(async () => {
      await rounds.run('queues');
      return (rounds.view().facts as CeleryFacts).queues[0]?.unacked === 8;
    });
    const told = (
      await rabbit.ctl(
        'list_queues',
        'name',
        'messages_ready',
        'messages_unacknowledged',
        'consumers',
        '--no-table-headers',
      )
    )
      .split('\n')
      .find((line) => line.startsWith('celery\t'));
    const [row] = (rounds.view().facts as CeleryFacts).queues;
    expect(`celery\t${row?.ready}\t${row?.unacked}\t${row?.consumers}`).toBe(told);
  }, 40_000);

  test('a round is quick once it is known who answers, and hears newcomers', async () => {
    await until(async () => {
      const began = performance.now();
      await rounds.run('workers');
      return performance.now() - began < 600;
    });
    const second = await servers.worker({ node: 'celery@worker2', broker: rabbit.url, argv: ['-c', '1'] });
    await until(async () => (await rounds.run('workers')).value('celery.workers') === 2);
    second.kill('SIGSTOP');
    const stopped = await rounds.run('workers');
    expect((stopped.facts as CeleryFacts).workers[1]).toMatchObject({
      node: 'celery@worker2',
      state: 'silent',
    });
    expect(rounds.judge(workers, {}, 20_000)).toMatchObject([
      { subject: 'celery@worker2', level: 'critical' },
    ]);
    second.kill('SIGCONT');
    await until(async () => (await rounds.run('workers')).value('celery.workers') === 2);
    await servers.end(second);
    await until(async () => {
      const gone = await rounds.run('workers');
      return (gone.facts as CeleryFacts).workers[1]?.state === 'gone';
    });
  }, 40_000);

  test('rounds leave nothing behind, cut off or not', async () => {
    for (let i = 0; i < 100; i++)
      await rounds.use((broker) => celery.ping(broker, { waitMs: 300, nodes: ['celery@worker1'] }));
    const asked = rounds.use(
      (broker) => celery.ping(broker, { nodes: ['celery@nobody'], waitMs: 5000 }),
      200,
    );
    await expect(asked).rejects.toMatchObject({ code: 'TARGET_DEADLINE' });
    await Promise.all(opened.splice(0).map((one) => one.close()));
    await until(async () => !(await names('queues')).some((name) => name.startsWith('warroom.')));
    expect((await names('exchanges')).filter((name) => name.includes('warroom'))).toEqual([]);
  });

  test('wrong passwords and missing permissions are said with the line that mends them', async () => {
    await expect(open(as('guest:wrong')).run('workers')).rejects.toMatchObject({
      code: 'NO_RIGHT',
      fields: { mend: expect.stringContaining('rabbitmqctl add_user warroom PASSWORD') },
    });
    await rabbit.ctl('add_user', 'warroom', 's3cret');
    await expect(open(as('warroom:s3cret')).run('workers')).rejects.toMatchObject({ code: 'NO_RIGHT' });
    await rabbit.ctl('set_permissions', '-p', '/', 'warroom', '^$', '^$', '^$');
    const poor = open(as('warroom:s3cret'));
    const refused: unknown = await poor.run('workers').catch((thrown: unknown) => thrown);
    expect(refused).toMatchObject({ code: 'NO_RIGHT' });
    const mend = (refused as { fields: { mend: string } }).fields.mend;
    // The very words, as a shell would take them.
    const words = mend
      .replace(/^rabbitmqctl /, '')
      .split(' ')
      .map((word) => word.replaceAll("'", ''));
    await rabbit.ctl(...words);
    const enough = open(as('warroom:s3cret'));
    const view = await enough.run('events', 'workers', 'queues', 'stats', 'look');
    expect(view.value('celery.workers')).toBe(1);
    await expect(open(as('warroom:s3cret', 'nowhere')).run('workers')).rejects.toMatchObject({
      code: 'NO_RIGHT',
    });
    const managed = open(
      as('warroom:s3cret'),
      { management: { env: 'MANAGEMENT' } },
      {},
      { MANAGEMENT: `http://warroom:s3cret@127.0.0.1:${rabbit.management}` },
    );
    await expect(managed.run('queues')).rejects.toMatchObject({
      code: 'NO_RIGHT',
      fields: { mend: expect.stringContaining('rabbitmqctl set_user_tags warroom monitoring') },
    });
    await rabbit.ctl('set_user_tags', 'warroom', 'monitoring');
    expect((await managed.run('queues')).value('celery.unacked')).toBeGreaterThan(0);
  }, 40_000);
});
