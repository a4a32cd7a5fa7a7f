import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { busy, queue } from '../../../src/checks/uwsgi/checks.ts';
import type { UwsgiFacts } from '../../../src/checks/uwsgi/facts.ts';
import { uwsgi } from '../../../src/checks/uwsgi/index.ts';
import { placeOf, Rounds, stackOf } from '../varnish/judge.ts';
import { httpStatus, missing, Servers } from '../varnish/servers.ts';

const why = missing('uwsgi');
describe.skipIf(why)(`a real uWSGI ${why ?? ''}`, () => {
  const servers = new Servers();
  let app: Awaited<ReturnType<Servers['uwsgi']>>;
  let rounds: Rounds;
  const [stats] = uwsgi.collectors as [(typeof uwsgi.collectors)[0]];

  beforeAll(async () => {
    app = await servers.uwsgi({ workers: 2 });
    const stack = stackOf({
      app: { kind: 'uwsgi', on: 'here', port: app.port, stats: `127.0.0.1:${app.stats}` },
    });
    rounds = new Rounds(placeOf(stack, 'app'));
  });
  afterAll(() => servers.stop());

  test('an idle one is well, and a full one is critical with the URLs that fill it', async () => {
    await rounds.run(stats);
    for (let i = 0; i < 10; i++) await httpStatus(app.port, '/product/1');
    await sleep(500);
    const idle = await rounds.run(stats);
    expect(idle.value('uwsgi.workers')).toBe(2);
    expect(idle.value('uwsgi.busy_workers')).toBe(0);
    expect(idle.value('uwsgi.requests')).toBeGreaterThan(5);
    expect(idle.value('uwsgi.worker_rss')).toBeGreaterThan(1e6);
    expect(rounds.judge(busy)[0]).toMatchObject({ level: 'ok', cleared: true });

    const asked = Array.from({ length: 6 }, () => httpStatus(app.port, '/slow?s=2.5&token=hunter2'));
    // The master looks at its queue once a second.
    await sleep(1600);
    const full = await rounds.run(stats);
    await sleep(300);
    await rounds.run(stats);
    expect(full.value('uwsgi.busy_workers')).toBe(2);
    expect(full.value('uwsgi.listen_queue')).toBe(4);
    expect((full.facts as UwsgiFacts).inFlight).toMatchObject([{ path: '/slow', count: 2 }]);
    expect(JSON.stringify(full)).not.toContain('hunter2');
    expect(rounds.judge(busy)[0]?.summary).toContain('2 of 2 workers busy');
    expect(rounds.judge(queue)[0]).toMatchObject({ value: 4 });
    await Promise.all(asked);
    const after = await rounds.run(stats);
    expect(after.value('uwsgi.mean_seconds')).toBeCloseTo(2.5, 1);
  });

  test('a restart gives no rate at all', async () => {
    await rounds.run(stats);
    await servers.end(app.child, 'SIGQUIT');
    const again = await servers.uwsgi({ workers: 2 });
    const stack = stackOf({
      app: { kind: 'uwsgi', on: 'here', port: again.port, stats: `127.0.0.1:${again.stats}` },
    });
    const later = new Rounds(placeOf(stack, 'app'));
    const first = await later.run(stats);
    expect(first.value('uwsgi.requests')).toBeUndefined();
    expect(first.value('uwsgi.workers')).toBe(2);
  });

  test('statistics that do not answer are said, with the address', async () => {
    const stack = stackOf({ app: { kind: 'uwsgi', on: 'here', stats: '127.0.0.1:1' } });
    await expect(new Rounds(placeOf(stack, 'app')).run(stats)).rejects.toMatchObject({
      code: 'TARGET_UNREACHABLE',
    });
  });
});
