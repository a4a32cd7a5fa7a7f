import { execFileSync } from 'node:child_process';
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { evictions, notFound, threads } from '../../../src/checks/varnish/checks.ts';
import type { VarnishFacts } from '../../../src/checks/varnish/facts.ts';
import { varnish } from '../../../src/checks/varnish/index.ts';
import { LocalTarget } from '../../../src/targets/local.ts';
import { openVarnishCli } from '../../../src/targets/varnish-cli.ts';
import { placeOf, Rounds, stackOf } from './judge.ts';
import { httpStatus, missing, Servers, until } from './servers.ts';

const why = missing('varnish', 'uwsgi');
const [stat, log, limits] = varnish.collectors as unknown as [
  (typeof varnish.collectors)[0],
  (typeof varnish.collectors)[0],
  (typeof varnish.collectors)[0],
];

describe.skipIf(why)(`what Varnish runs out of ${why ?? ''}`, () => {
  const servers = new Servers();
  let app: Awaited<ReturnType<Servers['uwsgi']>>;
  type Edge = Awaited<ReturnType<Servers['varnish']>>;
  const roundsOf = (edge: Edge) =>
    new Rounds(
      placeOf(
        stackOf({
          edge: { kind: 'varnish', on: 'here', url: 'http://shop.test', instance: edge.instance },
        }),
        'edge',
      ),
    );
  const native = (edge: Edge) =>
    (
      JSON.parse(execFileSync('varnishstat', ['-j', '-n', edge.instance], { encoding: 'utf8' })) as {
        counters: Record<string, { value: number }>;
      }
    ).counters;

  beforeAll(async () => {
    app = await servers.uwsgi({ workers: 8 });
  });
  afterAll(() => servers.stop());

  test('memory: given, used and thrown out as varnishstat has them; quiet when it fits, critical when not, clear after', async () => {
    const edge = await servers.varnish(app.port, '', 'malloc,1m');
    let rounds = roundsOf(edge);
    const judge = () => rounds.judge(evictions, { minimumRequests: 10, windowSeconds: 10 })[0];
    await rounds.run(stat);
    for (let i = 0; i < 40; i++) await httpStatus(edge.port, '/big/1');
    await rounds.run(stat);
    expect(judge()).toMatchObject({ level: 'ok', value: 0 });
    const before = native(edge)['MAIN.n_lru_nuked']?.value ?? 0;
    // Those hits, many in a short moment, would outweigh what comes now.
    rounds = roundsOf(edge);
    await rounds.run(stat);
    const began = rounds.now;
    for (let i = 0; i < 90; i++) await httpStatus(edge.port, `/big/${i % 30}`);
    const view = await rounds.run(stat);
    const told = native(edge);
    const nuked = (told['MAIN.n_lru_nuked']?.value ?? 0) - before;
    expect(nuked).toBeGreaterThan(40);
    expect((view.value('varnish.lru_nuked') ?? 0) * ((rounds.now - began) / 1000)).toBeCloseTo(nuked, 1);
    const used = told['SMA.s0.g_bytes']?.value ?? 0;
    expect(view.value('varnish.memory_used')).toBe(used);
    expect(view.value('varnish.memory_given')).toBe(used + (told['SMA.s0.g_space']?.value ?? 0));
    expect(view.value('varnish.memory_given')).toBe(1024 * 1024);
    const verdict = judge();
    expect(verdict).toMatchObject({ level: 'critical' });
    expect(verdict?.summary).toMatch(/of 1 MiB are used/);
    expect(verdict?.advice).toMatch(/stays for about .* at most/);
    await until(async () => {
      for (let i = 0; i < 20; i++) await httpStatus(edge.port, '/big/1');
      await rounds.run(stat);
      return judge()?.level === 'ok' && judge()?.cleared;
    });
  });

  test('threads: few at work are fine; at its limit it says who waits and is thrown away, and clears after', async () => {
    const edge = await servers.varnish(app.port);
    const rounds = roundsOf(edge);
    const judge = () => rounds.judge(threads, { windowSeconds: 10 })[0];
    await rounds.run(stat);
    const view = await rounds.run(limits);
    // Its secret can be read by whoever runs the test, so varnishd itself says it.
    expect((view.facts as VarnishFacts).threadLimit).toEqual({ perPool: 5000, source: 'varnishd' });
    expect(view.value('varnish.threads')).toBe(native(edge)['MAIN.threads']?.value);
    expect(judge()).toMatchObject({ level: 'ok', cleared: true });
    expect(judge()?.summary).toContain('of 10,000 threads');

    const cli = await openVarnishCli(new LocalTarget('here', 'acting'), {
      address: `127.0.0.1:${edge.cli}`,
      secretPath: edge.secret,
    });
    await cli.run('param.set', 'thread_pool_min', '5');
    await cli.run('param.set', 'thread_pool_max', '10');
    await cli.run('param.set', 'thread_queue_limit', '5');
    // A new connection waits in the kernel for a free thread; one that comes back from its rest is thrown away.
    const visitors = await Promise.all(Array.from({ length: 60 }, () => atRest(edge.port)));
    // Its workers add up what they counted when they find time: nearly all is all. Twenty find a thread, ten may wait.
    await until(async () => (native(edge)['MAIN.sess_herd']?.value ?? 0) >= 45);
    await rounds.run(stat);
    for (const visitor of visitors) visitor.write(UNENDED);
    let worst: ReturnType<typeof judge>;
    await until(async () => {
      await rounds.run(stat);
      worst = judge();
      return worst?.summary.includes('are thrown away');
    });
    expect(worst).toMatchObject({ level: 'critical', value: 1 });
    expect(worst?.summary).toContain('20 of 20 threads');
    const told = native(edge);
    expect(told['MAIN.sess_dropped']?.value).toBeGreaterThan(0);
    expect(told['MAIN.threads_limited']?.value).toBeGreaterThan(0);
    expect(worst?.advice).toContain('thread_pool_max');
    for (const visitor of visitors) visitor.destroy();
    await cli.run('param.set', 'thread_pool_max', '5000');
    cli.close();
    await until(async () => {
      await rounds.run(stat);
      return judge()?.level === 'ok' && judge()?.cleared;
    });
  }, 45_000);

  test('pages that are not there: quiet with few, named by where nothing is found, never above a page', async () => {
    const edge = await servers.varnish(app.port);
    const rounds = roundsOf(edge);
    const look = async (work: () => Promise<void>) => {
      const window = rounds.run(log);
      await new Promise((resolve) => setTimeout(resolve, 500));
      await work();
      return ((await window).facts as VarnishFacts).log;
    };
    await look(async () => {
      for (let i = 0; i < 20; i++) await httpStatus(edge.port, `/product/${i}`);
    });
    // Visitors come, and none of them asks for such a page: that is well.
    const [quiet] = rounds.judge(notFound);
    expect(quiet).toMatchObject({ level: 'ok' });
    expect(quiet).not.toHaveProperty('basis');
    const found = await look(async () => {
      for (let i = 0; i < 40; i++) await httpStatus(edge.port, `/nowhere/${i % 20}?q=hunter2`);
      for (let i = 0; i < 4; i++) await httpStatus(edge.port, '/product/0');
    });
    expect(found.notFound).toMatchObject([
      {
        kind: 'prefix',
        path: '/nowhere/',
        requests: 40,
        backendRequests: 40,
        urls: 20,
        cacheControl: 'no-store',
      },
      { kind: 'exact', path: '/product/0', backendRequests: 5 },
    ]);
    const [verdict] = rounds.judge(notFound);
    expect(verdict).toMatchObject({ level: 'critical' });
    expect(verdict?.value).toBeCloseTo(45 / found.backendRequests, 6);
    expect(JSON.stringify(verdict)).not.toContain('hunter2');
    // The log of the same requests as varnishncsa alone counts them.
    const told = execFileSync(
      'varnishncsa',
      ['-d', '-b', '-n', edge.instance, '-q', 'BerespStatus == 404', '-F', '%U'],
      { encoding: 'utf8' },
    );
    expect(told.trim().split('\n')).toHaveLength(found.missing.backendRequests);
  });
});

/** Its body never comes: it holds a thread for as long as nobody ends it. */
const UNENDED = 'POST /passed HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 1000000\r\n\r\nx';

/** A connection that was answered once and is kept. */
function atRest(port: number): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: '127.0.0.1', port });
    socket.on('error', reject);
    socket.once('data', () => {
      socket.resume();
      resolve(socket);
    });
    socket.write('GET /product/1 HTTP/1.1\r\nHost: shop.test\r\n\r\n');
  });
}
