import type { ChildProcess } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backlog, failures, workers } from '../../../src/checks/celery/checks.ts';
import type { CeleryFacts } from '../../../src/checks/celery/index.ts';
import type { Evidence } from '../../../src/checks/contract.ts';
import { Rounds } from './rounds.ts';
import { missing, Servers, until } from './servers.ts';

const why = missing('redis', 'celery');
const LATER = 16_000;

describe.skipIf(why)(`Celery's checks against real workers ${why ?? ''}`, { timeout: 60_000 }, () => {
  const servers = new Servers();
  let redis: Awaited<ReturnType<Servers['redis']>>;
  let first: ChildProcess;
  let rounds: Rounds;
  const send = (code: string) => servers.python(redis.url, code);
  const facts = () => rounds.view().facts as Partial<CeleryFacts>;
  const table = (evidence: readonly Evidence[] | undefined, title: string) => {
    const found = evidence?.find((one) => one.kind === 'table' && one.title.startsWith(title));
    return found?.kind === 'table' ? found.rows : [];
  };

  beforeAll(async () => {
    redis = await servers.redis();
    first = await servers.worker({ node: 'celery@worker1', broker: redis.url });
    rounds = new Rounds(
      redis.url,
      { on: ['worker1'], spares: ['worker2'], queues: ['celery', 'reports'] },
      { hosts: { worker1: { local: true }, worker2: { local: true } } },
    );
    await rounds.run('events', 'workers', 'queues', 'stats', 'look');
  });
  afterAll(async () => {
    await rounds.close();
    await servers.stop();
  });

  test('a healthy one is quiet', async () => {
    await send('[mail.delay(0.01) for _ in range(40)]');
    await until(async () => {
      await rounds.run('events', 'stats');
      return facts().events?.ended[0]?.succeeded === 40;
    });
    await rounds.run('workers', 'queues', 'look');
    expect(rounds.judge(workers)).toMatchObject([{ level: 'ok', value: 1 }]);
    expect(rounds.judge(failures)).toMatchObject([{ level: 'ok', cleared: true, value: 0 }]);
    expect(rounds.judge(backlog)).toMatchObject([{ level: 'ok', value: 0 }]);
    expect(facts().unserved).toEqual(['reports']);
    const [row] = facts().workers ?? [];
    expect(row).toMatchObject({ node: 'celery@worker1', host: 'worker1', state: 'answers' });
  });

  test('failing tasks are named with their exception, without its secret, and it clears', async () => {
    await send(`[invoice.delay(password='hunter2') for _ in range(10)]`);
    await until(async () => {
      await rounds.run('events');
      return facts().events?.failures[0]?.count === 10;
    });
    expect(facts().events?.failures).toMatchObject([
      {
        task: 'shop.invoice',
        node: 'celery@worker1',
        exception: expect.stringMatching(/^ValueError\('no price for order 4711, password=…/),
        where: expect.stringMatching(/tasks\.py", line \d+, in invoice$/),
      },
    ]);
    const [verdict] = rounds.judge(failures);
    expect(verdict).toMatchObject({ level: 'warn', value: 0.2, unit: 'share', threshold: 0.02 });
    expect(verdict?.summary).toBe('20 % of tasks fail (limit 2 %): 10 of 50.');
    expect(verdict?.advice).toContain('shop.invoice raises ValueError');
    expect(JSON.stringify(verdict)).not.toContain('hunter2');
    // A retry is none.
    await send('later.delay()');
    await until(async () => {
      await rounds.run('events');
      return facts().events?.ended.some((row) => row.task === 'shop.later' && row.retried === 1);
    });
    // A minute later they are forgotten.
    rounds.forget('events');
    await send('[mail.delay(0) for _ in range(30)]');
    await until(async () => {
      await rounds.run('events');
      return (facts().events?.ended[0]?.succeeded ?? 0) >= 20;
    });
    expect(rounds.judge(failures)).toMatchObject([{ level: 'ok', cleared: true, value: 0 }]);
  });

  test('one rare task that always fails is seen among many that do not', async () => {
    await send('[mail.delay(0) for _ in range(400)]; [invoice.delay() for _ in range(5)]');
    await until(async () => {
      await rounds.run('events');
      return facts().events?.ended.find((row) => row.task === 'shop.invoice')?.failed === 5;
    });
    await until(async () => {
      await rounds.run('events');
      return (facts().events?.ended.find((row) => row.task === 'shop.mail')?.succeeded ?? 0) >= 400;
    });
    expect(rounds.judge(failures)).toMatchObject([
      { level: 'warn', cleared: false, summary: 'shop.invoice fails 5 times of 5.' },
    ]);
  });

  test('a queue that grows faster than it is drained warns with its figures, and clears', async () => {
    await rounds.run('stats');
    for (let i = 0; i < 5; i++) {
      await send('[mail.delay(0.25) for _ in range(60)]');
      await rounds.run('queues');
    }
    await rounds.run('stats', 'look');
    const view = rounds.view();
    const waiting = view.value('celery.waiting') ?? 0;
    const length = Number(await servers.cli(redis.port, 'LLEN', 'celery'));
    expect(Math.abs(waiting - length)).toBeLessThan(30);
    expect(view.value('celery.backlog')).toBe(waiting + (view.value('celery.unacked') ?? 0));
    expect(view.value('celery.unacked')).toBeGreaterThan(0);
    expect(view.value('celery.queue', { queue: 'celery' })).toBe(waiting);
    // Two processes, a quarter of a second each.
    expect(view.value('celery.done')).toBeGreaterThan(4);
    expect(view.value('celery.done')).toBeLessThan(9);
    const [verdict] = rounds.judge(backlog, { warn: 20 });
    expect(verdict).toMatchObject({ level: 'warn', cleared: false, unit: 's' });
    expect(verdict?.summary).toMatch(/tasks wait, .*\/s are done: a new one waits .*, and it grows by /);
    expect(verdict?.advice).toContain('No worker consumes from reports');
    expect(table(verdict?.evidence, 'At the head')).toMatchObject([
      ['celery', 'shop.mail', '50 of 50', null],
    ]);
    expect(table(verdict?.evidence, 'What workers are on')).toMatchObject([
      ['shop.mail', 2, expect.any(Number)],
    ]);
    await servers.cli(redis.port, 'DEL', 'celery');
    await rounds.run('queues');
    expect(rounds.judge(backlog)).toMatchObject([{ level: 'ok', value: 0 }]);
  });

  test('a queue that nobody consumes from stands still: critical, with what is missing', async () => {
    await until(async () => {
      const view = await rounds.run('stats', 'queues');
      return view.value('celery.active') === 0 && view.value('celery.unacked') === 0;
    });
    await send(`[mail.apply_async((0,), queue='reports', priority=6) for _ in range(70)]`);
    const alone = new Rounds(redis.url, { queues: ['reports'] });
    try {
      for (let i = 0; i < 4; i++) await alone.run('queues', 'stats');
      await alone.run('look', 'workers');
      expect(alone.view().facts).toMatchObject({
        queues: [{ queue: 'reports', ready: 70, byPriority: [0, 0, 70, 0] }],
        waiting: [{ queue: 'reports', task: 'shop.mail', count: 50, looked: 50 }],
      });
      expect(alone.judge(backlog)).toMatchObject([
        {
          level: 'critical',
          summary: '70 tasks wait and none is taken up.',
          advice: 'No worker consumes from reports: start one with -Q reports.',
        },
      ]);
    } finally {
      await alone.close();
    }
  });

  test('a worker that is stopped is silent, one that ended is gone, and both clear', async () => {
    const second = await servers.worker({ node: 'celery@worker2', broker: redis.url, argv: ['-c', '1'] });
    await until(async () => (await rounds.run('workers')).value('celery.workers') === 2);
    expect(rounds.judge(workers)).toMatchObject([{ level: 'ok', value: 2 }]);
    second.kill('SIGSTOP');
    await rounds.run('workers');
    // Not at once: an answer may be lost.
    expect(rounds.judge(workers)).toMatchObject([{ level: 'ok' }]);
    const [silent] = rounds.judge(workers, {}, LATER);
    expect(silent).toMatchObject({ subject: 'worker2', level: 'critical', value: 1, threshold: 2 });
    expect(silent?.summary).toMatch(
      /^Worker celery@worker2 listens but does not answer for \d+ s; 1 of 2 answer\.$/,
    );
    expect(rounds.view().value('celery.workers_silent')).toBe(1);
    second.kill('SIGCONT');
    await until(async () => (await rounds.run('workers')).value('celery.workers') === 2);
    expect(rounds.judge(workers)).toMatchObject([{ level: 'ok', value: 2 }]);
    await servers.end(second);
    await until(async () => (await rounds.run('workers')).value('celery.workers_silent') === 0);
    expect(rounds.judge(workers)).toMatchObject([{ level: 'ok' }]);
    const [gone] = rounds.judge(workers, { critical: 0.6 }, LATER);
    expect(gone).toMatchObject({ subject: 'worker2', level: 'warn' });
    expect(gone?.summary).toContain('celery@worker2 is gone');
    // It is on no host that the service is said to be on: in the end it was taken away.
    expect(rounds.judge(workers, {}, 1_000_000)).toMatchObject([{ level: 'ok' }]);
  });

  test('with the last worker stopped nothing is done, and that is said', async () => {
    first.kill('SIGSTOP');
    await rounds.run('workers');
    expect(rounds.judge(workers)).toMatchObject([{ level: 'ok', basis: 'thin' }]);
    expect(rounds.judge(workers, {}, LATER)).toMatchObject([
      { level: 'critical', summary: 'No worker answers, though 1 listens: no task is worked on.' },
    ]);
    first.kill('SIGCONT');
    await until(async () => (await rounds.run('workers')).value('celery.workers') === 1);
    expect(rounds.judge(workers)).toMatchObject([{ level: 'ok', value: 1 }]);
  });

  test('a worker without -E tells nothing of its tasks: that is said, with what mends it', async () => {
    await servers.end(first);
    first = await servers.worker({ node: 'celery@worker1', broker: redis.url, argv: ['-c', '2'] });
    await until(async () => (await rounds.run('workers')).value('celery.workers') === 1);
    expect(rounds.judge(workers)).toMatchObject([{ level: 'ok', value: 1 }]);
    const deaf = new Rounds(redis.url);
    try {
      await deaf.run('events', 'workers', 'stats');
      await send('[mail.delay(0.01) for _ in range(30)]');
      await until(async () => ((await deaf.run('stats')).value('celery.done') ?? 0) > 0);
      const events = await deaf.run('events');
      const heard = (events.facts as CeleryFacts).events;
      expect(heard).toMatchObject({ ended: [], tellers: [] });
      // As after 20 s of listening.
      Object.assign(heard, { seconds: 20 });
      const [verdict] = deaf.judge(failures);
      expect(verdict).toMatchObject({ level: 'ok', basis: 'thin' });
      expect(verdict?.summary).toMatch(
        /^Failures are not known: celery@worker1 sends no task events \(.*\/s taken up\)\.$/,
      );
      expect(verdict?.advice).toContain('-E');
    } finally {
      await deaf.close();
    }
  });

  test('every view shows what it is there for', async () => {
    await send('mail.apply_async((0,), countdown=300); [mail.delay(5) for _ in range(12)]');
    await until(async () => (await rounds.run('stats')).value('celery.active') === 2);
    const shown = async (name: string, ...words: string[]) => rounds.show(name, words);
    expect(table(await shown(''), 'Workers')).toHaveLength(2);
    expect(table(await shown('workers'), 'Workers').map((row) => row.slice(0, 2))).toEqual([
      ['celery@worker1', 'answers'],
      ['celery@worker2', 'gone'],
    ]);
    expect(table(await shown('active'), 'Tasks')).toMatchObject([
      [
        'shop.mail',
        expect.any(Number),
        'celery',
        'celery@worker1',
        expect.stringMatching(/^\d+$/),
        expect.any(String),
      ],
      ['shop.mail', expect.any(Number), 'celery', 'celery@worker1', expect.any(String), expect.any(String)],
    ]);
    expect(table(await shown('reserved', 'worker1'), 'Tasks').length).toBeGreaterThan(2);
    expect(await shown('reserved', 'celery@nobody')).toMatchObject([
      { kind: 'note', text: 'No task is reserved.' },
    ]);
    expect(table(await shown('scheduled'), 'Tasks')).toMatchObject([
      ['shop.mail', expect.stringMatching(/^20\d\d-/), 'celery@worker1', expect.any(String)],
    ]);
    expect(table(await shown('queues'), 'Consumed by')).toEqual([['celery@worker1', 'celery']]);
    expect(table(await shown('tasks'), 'Registered').map(([name]) => name)).toContain('shop.invoice');
    await expect(shown('active', 'a b')).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    await expect(shown('queues', 'celery')).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  });

  test('events are listened to for 5 s; switched on for a look, they are off again after it', async () => {
    const quiet = rounds.show('events');
    await send('[mail.delay(0) for _ in range(3)]');
    const text = JSON.stringify(await quiet);
    expect(text).toContain('No task events from celery@worker1');
    const loud = rounds.show('events-on');
    const enabled = async () => {
      const answer = await servers.celery(redis.url, ['control', 'enable_events', '-j', '-t', '0.5']);
      return answer.includes('already');
    };
    await until(enabled);
    await send('[mail.delay(0) for _ in range(3)]');
    expect(table(await loud, 'Newest events').map(([type]) => type)).toContain('task-received');
    await until(async () => !(await enabled()));
    const costly = rounds.stack && (await import('../../../src/checks/celery/index.ts')).celery.views;
    expect(costly.find((view) => view.name === 'events-on')?.cost).toContain('broker');
    const left = (await servers.cli(redis.port, 'KEYS', '*warroom*')).trim();
    for (const key of left.split('\n').filter(Boolean))
      expect(Number(await servers.cli(redis.port, 'TTL', key))).toBeGreaterThan(0);
  }, 40_000);
});
