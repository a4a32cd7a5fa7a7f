import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backends, errors, queue } from '../../../src/checks/haproxy/checks.ts';
import type { HaproxyFacts } from '../../../src/checks/haproxy/facts.ts';
import { haproxy } from '../../../src/checks/haproxy/index.ts';
import { askHaproxy } from '../../../src/targets/haproxy-socket.ts';
import { LocalTarget } from '../../../src/targets/local.ts';
import { placeOf, Rounds, stackOf } from '../varnish/judge.ts';
import { httpStatus, missing, Servers, until } from '../varnish/servers.ts';

const why = missing('haproxy', 'uwsgi');
describe.skipIf(why)(`a real HAProxy before real applications ${why ?? ''}`, () => {
  const servers = new Servers();
  let balancer: Awaited<ReturnType<Servers['haproxy']>>;
  let second: Awaited<ReturnType<Servers['uwsgi']>>;
  let rounds: Rounds;
  const [stats] = haproxy.collectors as [(typeof haproxy.collectors)[0]];

  const stackWith = (socket: string) =>
    stackOf(
      {
        balancer: { kind: 'haproxy', on: 'here', socket, backend: 'shop', before: 'app' },
        app: { kind: 'uwsgi', on: 'app1', spares: ['app4'] },
      },
      ['here', 'app1', 'app2', 'app4'],
    );

  beforeAll(async () => {
    const first = await servers.uwsgi();
    second = await servers.uwsgi();
    balancer = await servers.haproxy({ app1: first.port, app4: second.port }, 'admin');
    rounds = new Rounds(placeOf(stackWith(balancer.socket), 'balancer'));
  });
  afterAll(() => servers.stop());

  test('counts what it was asked, and names the hosts that it sends requests to', async () => {
    await rounds.run(stats);
    for (let i = 0; i < 10; i++) await httpStatus(balancer.port, '/product/1');
    const view = await rounds.run(stats);
    expect(view.value('haproxy.servers_up')).toBe(2);
    expect(view.value('haproxy.server_up', { server: 'app1' })).toBe(1);
    expect(view.value('haproxy.requests')).toBeGreaterThan(10);
    expect(view.value('haproxy.error_share')).toBe(0);
    expect((view.facts as HaproxyFacts).servers[1]).toMatchObject({
      name: 'app4',
      address: '127.0.0.1',
      port: second.port,
      status: expect.stringMatching(/^UP/),
    });
    expect(haproxy.serves?.([view], rounds.stack)).toEqual([
      { service: 'app', host: 'app1' },
      { service: 'app', host: 'app4' },
    ]);
    expect(rounds.judge(backends)).toMatchObject([{ level: 'ok' }]);
    expect(rounds.judge(queue)).toMatchObject([{ level: 'ok', cleared: true }]);
  });

  test('a server in maintenance is nobody’s alarm, one that died is certain at once', async () => {
    const target = new LocalTarget('here', 'acting');
    const signal = AbortSignal.timeout(5000);
    await askHaproxy(target, balancer.socket, ['set server shop/app4 state maint'], {
      signal,
    }).catch(() => undefined);
    const maintained = await rounds.run(stats);
    expect(maintained.value('haproxy.servers')).toBe(1);
    expect(rounds.judge(backends)).toMatchObject([{ level: 'ok' }]);
    expect(haproxy.serves?.([maintained], rounds.stack)).toEqual([{ service: 'app', host: 'app1' }]);
    await askHaproxy(target, balancer.socket, ['set server shop/app4 state ready'], {
      signal,
    }).catch(() => undefined);

    await servers.end(second.child, 'SIGKILL');
    await until(async () => (await rounds.run(stats)).value('haproxy.servers_up') === 1);
    expect(rounds.judge(backends)).toMatchObject([
      { subject: 'app4', level: 'critical', certain: true, value: 1, threshold: 2 },
    ]);
    // The check that was under way when it died ends as a socket error; those after it are refused.
    await until(async () => {
      await rounds.run(stats);
      return rounds.judge(backends)[0]?.summary.includes('L4CON') ?? false;
    });
    expect(rounds.judge(backends)[0]?.summary).toMatch(/^Server app4 is DOWN for .*L4CON/);
  });

  test('errors of the application are a share of its answers', async () => {
    await rounds.run(stats);
    const asked = Array.from({ length: 40 }, (_, i) =>
      httpStatus(balancer.port, i % 4 === 0 ? '/fail' : '/product/1'),
    );
    await Promise.all(asked);
    await sleep(100);
    const view = await rounds.run(stats);
    expect(view.value('haproxy.error_share')).toBeCloseTo(0.25, 1);
    expect(rounds.judge(errors, { windowSeconds: 10 })[0]).toMatchObject({ unit: 'share' });
  });

  test('a socket that is not there asks for its right with the exact lines', async () => {
    const lost = new Rounds(placeOf(stackWith('/nowhere/haproxy.sock'), 'balancer'));
    await expect(lost.run(stats)).rejects.toMatchObject({
      code: 'NO_RIGHT',
      fields: {
        mend: expect.stringContaining('stats socket /nowhere/haproxy.sock mode 660 group haproxy level user'),
      },
    });
  });

  test('a backend that it does not have is said', async () => {
    const stack = stackOf({
      balancer: { kind: 'haproxy', on: 'here', socket: balancer.socket, backend: 'other' },
    });
    await expect(new Rounds(placeOf(stack, 'balancer')).run(stats)).rejects.toMatchObject({
      code: 'BAD_ANSWER',
    });
  });
});
