import net from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { errors, queue } from '../../../src/checks/haproxy/checks.ts';
import type { HaproxyFacts } from '../../../src/checks/haproxy/facts.ts';
import { haproxy } from '../../../src/checks/haproxy/index.ts';
import { askHaproxy, parseInfo, parseStatCsv } from '../../../src/targets/haproxy-socket.ts';
import { LocalTarget } from '../../../src/targets/local.ts';
import { contextOf, placeOf, Rounds, stackOf } from '../varnish/judge.ts';
import { httpStatus, missing, Servers, until } from '../varnish/servers.ts';

const why = missing('haproxy', 'uwsgi');
describe.skipIf(why)(`HAProxy against its own limits ${why ?? ''}`, () => {
  const servers = new Servers();
  const target = new LocalTarget('here', 'reading');
  const [stats] = haproxy.collectors as [(typeof haproxy.collectors)[0]];
  let balancer: Awaited<ReturnType<Servers['haproxy']>>;
  let rounds: Rounds;
  const placeAt = (socket: string) =>
    placeOf(stackOf({ balancer: { kind: 'haproxy', on: 'here', socket, backend: 'shop' } }), 'balancer');
  const raw = async () => {
    const signal = AbortSignal.timeout(4000);
    const [info = '', stat = ''] = await askHaproxy(target, balancer.socket, ['show info', 'show stat'], {
      signal,
    });
    return { info: parseInfo(info, 'here'), rows: parseStatCsv(stat, 'here') };
  };

  beforeAll(async () => {
    const app = await servers.uwsgi({ workers: 2 });
    balancer = await servers.haproxy({ app1: app.port }, 'admin');
    rounds = new Rounds(placeAt(balancer.socket));
    await until(async () => (await rounds.run(stats)).value('haproxy.servers_up') === 1);
  });
  afterAll(async () => {
    await servers.stop();
    target.close();
  });

  test('its figures are those of the raw show stat and show info', async () => {
    await rounds.run(stats);
    const before = await raw();
    for (let i = 0; i < 15; i++) await httpStatus(balancer.port, '/product/1');
    const after = await raw();
    const view = await rounds.run(stats);
    const cell = (all: typeof before, name: string, of: string) =>
      Number(all.rows.find((row) => row.get('svname') === of)?.get(name) || 0);
    expect(cell(after, 'req_tot', 'FRONTEND') - cell(before, 'req_tot', 'FRONTEND')).toBe(15);
    const facts = view.facts as HaproxyFacts;
    expect(facts.servers[0]).toMatchObject({
      sessions: cell(after, 'stot', 'app1'),
      failedConnects: cell(after, 'econ', 'app1'),
      failedAnswers: cell(after, 'eresp', 'app1'),
    });
    expect(facts.frontends).toMatchObject([
      { name: 'web', most: cell(after, 'smax', 'FRONTEND'), limit: cell(after, 'slim', 'FRONTEND') },
    ]);
    expect(view.value('haproxy.connection_limit')).toBe(Number(after.info.get('Maxconn')));
    expect(rounds.judge(errors)[0]).toMatchObject({ level: 'ok' });
  });

  test('connections near the limit of a frontend are said, and clear again', async () => {
    const signal = AbortSignal.timeout(4000);
    await askHaproxy(target, balancer.socket, ['set maxconn frontend web 10'], { signal }).catch(() => []);
    expect(rounds.judge(queue)).toHaveLength(1);
    const held = Array.from({ length: 10 }, () => net.connect(balancer.port, '127.0.0.1'));
    try {
      await until(async () => {
        await rounds.run(stats);
        return rounds.judge(queue).some((one) => one.level === 'critical');
      });
      expect(rounds.judge(queue)[1]).toMatchObject({
        subject: 'connections',
        level: 'critical',
        summary: 'frontend web holds 10 of 10 connections, 100 % (limit 95 %).',
      });
    } finally {
      for (const one of held) one.destroy();
    }
    await until(async () => {
      await rounds.run(stats);
      return rounds.judge(queue).length === 1;
    });
  });

  test('the view shows servers and frontends', async () => {
    const shown = await haproxy.views[0]?.show(contextOf(placeAt(balancer.socket)), []);
    expect(shown?.map((one) => (one.kind === 'table' ? one.title : one.kind))).toEqual([
      'figures',
      'Servers',
      'Frontends',
    ]);
  });

  test('a socket that says nothing, half, or too much', async () => {
    const answers: Record<string, (socket: net.Socket) => void> = {
      TARGET_DEADLINE: () => undefined,
      BAD_ANSWER: (one) => one.end('Name: HAProxy\nUptime_sec: 4\n\n# pxname,svname,qcur\nshop,BACK'),
      TARGET_CUT: (one) => one.end('x'.repeat(20_000_000)),
    };
    for (const [code, say] of Object.entries(answers)) {
      const path = `${servers.folder}/${code}.sock`;
      const server = net.createServer((one) => {
        one.on('error', () => undefined);
        say(one);
      });
      await new Promise<void>((resolve) => server.listen(path, resolve));
      const context = { ...contextOf(placeAt(path)), signal: AbortSignal.timeout(1000) };
      await expect(stats.collect(context, undefined)).rejects.toMatchObject({ code });
      server.close();
    }
  });
});
