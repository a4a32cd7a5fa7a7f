import http from 'node:http';
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CollectContext } from '../../../src/checks/contract.ts';
import { expectedHits, expectedPasses } from '../../../src/checks/varnish/checks.ts';
import type { VarnishFacts } from '../../../src/checks/varnish/facts.ts';
import { varnish } from '../../../src/checks/varnish/index.ts';
import { History } from '../../../src/history/history.ts';
import { instanceView } from '../../../src/schedule/judging.ts';
import { contextOf, inputOf, placeOf, Rounds, stackOf } from './judge.ts';
import { freePort, httpStatus, missing, Servers } from './servers.ts';

const why = missing('varnish', 'uwsgi');
const [, log, , pages] = varnish.collectors as unknown as (typeof varnish.collectors)[0][];

function placeWith(address: string, instance: string, urls: { cached?: string[]; passed?: string[] }) {
  return placeOf(
    stackOf({ edge: { kind: 'varnish', on: 'here', url: 'http://shop.test', instance, address, ...urls } }),
    'edge',
  );
}

describe.skipIf(why)(`URLs that should be cached, and those that must not ${why ?? ''}`, () => {
  const servers = new Servers();
  let edge: Awaited<ReturnType<Servers['varnish']>>;
  let bare: Awaited<ReturnType<Servers['varnish']>>;
  beforeAll(async () => {
    const app = await servers.uwsgi();
    const drop = 'sub vcl_recv { if (req.url ~ "^/(product|agents|account)") { unset req.http.Cookie; } }';
    edge = await servers.varnish(app.port, drop);
    bare = await servers.varnish(
      app.port,
      `${drop}\nsub vcl_deliver { unset resp.http.X-Varnish; unset resp.http.Via; }`,
    );
  });
  afterAll(() => servers.stop());

  const look = async (urls: { cached?: string[]; passed?: string[] }, at = edge) => {
    const rounds = new Rounds(placeWith(`127.0.0.1:${at.port}`, at.instance, urls));
    await rounds.run(pages as (typeof varnish.collectors)[0]);
    return { hits: rounds.judge(expectedHits), passes: rounds.judge(expectedPasses) };
  };

  test('are told apart, with the header that keeps each out of the cache', async () => {
    const { hits, passes } = await look({
      cached: ['/product/7', '/tracked/1', '/varied/1', '/legacy/1', '/agents/1', '/passed/here'],
    });
    const said = Object.fromEntries(hits.map((one) => [one.subject, `${one.level}: ${one.summary}`]));
    expect(Object.keys(said).sort()).toEqual(
      ['/tracked/1', '/varied/1', '/legacy/1', '/agents/1', '/passed/here'].sort(),
    );
    expect(said['/tracked/1']).toMatch(/^warn.*Set-Cookie/);
    expect(said['/varied/1']).toMatch(/^warn.*Vary: Cookie/);
    expect(said['/legacy/1']).toMatch(/^warn.*Cache-Control: no-store/);
    expect(said['/agents/1']).toMatch(/^warn.*Vary: User-Agent/);
    expect(said['/passed/here']).toMatch(/^warn.*the VCL passes it/);
    expect(hits[0]?.evidence?.[0]).toMatchObject({ kind: 'table' });
    expect(passes).toMatchObject([{ level: 'ok', basis: 'thin' }]);
  });

  test('a private page that came from the cache is critical and certain; one that did not is fine', async () => {
    const { passes } = await look({ passed: ['/account/orders', '/cart'] });
    expect(passes).toMatchObject([{ subject: '/account/orders', level: 'critical', certain: true }]);
    expect(passes[0]?.summary).toContain('for a visitor with another cookie too');
    expect((await look({ passed: ['/cart'] })).passes).toMatchObject([{ level: 'ok' }]);
  });

  test('a page that is cached is fine, and so it is where the VCL hides X-Varnish and only Age tells', async () => {
    for (const at of [edge, bare]) {
      const { hits } = await look({ cached: ['/product/8'] }, at);
      expect(hits, JSON.stringify(hits)).toMatchObject([{ level: 'ok' }]);
    }
    const { hits } = await look({ cached: ['/product/8'] }, bare);
    expect(hits[0]?.basis).toBeUndefined();
  });

  test('a page that the cache throws out at once is not put down to a cookie', () => {
    const answer = (as: string, hit: boolean) => ({ as, status: 200, hit, setCookie: false });
    const answers = [
      answer('a visitor', false),
      answer('the same again', true),
      answer('another with a cookie', false),
      answer('the first once more', false),
    ];
    const look = { pattern: '/big', kind: 'cached', path: '/big', at: 0, answers };
    const stack = stackOf({ edge: { kind: 'varnish', on: 'here', url: 'http://shop.test' } });
    const judged = expectedHits.judge({
      ...inputOf(stack, 'edge', new History(() => 0), 0),
      instances: [instanceView('here', 0, [], { pages: [look] })] as never,
      thresholds: expectedHits.thresholds.parse({}),
    });
    expect(judged).toMatchObject([{ level: 'warn', subject: '/big' }]);
    expect(judged[0]?.summary).toContain('was gone again within a second');
  });

  test('a pattern is asked for by what was visited, and what may change something is not', async () => {
    const place = placeWith(`127.0.0.1:${edge.port}`, edge.instance, {
      cached: ['/product/*', '/nobody/*', '/product/add/*', '/a*b'],
    });
    const rounds = new Rounds(place);
    const window = rounds.run(log as (typeof varnish.collectors)[0]);
    await new Promise((resolve) => setTimeout(resolve, 500));
    for (let i = 0; i < 3; i++) await httpStatus(edge.port, '/product/21');
    await httpStatus(edge.port, '/product/add/1');
    await httpStatus(edge.port, '/product/22', { method: 'POST' });
    const { facts } = await window;
    const latest: CollectContext['latest'] = <F>() => facts as Partial<F>;
    const collect = (pages as (typeof varnish.collectors)[0]).collect;
    const found = (await collect({ ...contextOf(place), latest }, undefined)) as {
      looks: VarnishFacts['pages'];
    };
    expect(found.looks.map(({ pattern, path, skipped }) => [pattern, path ?? skipped])).toEqual([
      ['/nobody/*', 'nobody visited a page under it in the last minute'],
      ['/product/add/*', 'what was visited under it may change something, so it was not asked for'],
      ['/a*b', 'a star may stand at its end alone'],
      ['/product/*', '/product/21'],
    ]);
  });

  test('our own requests are no visitors, unless there are too many of them to be ours', async () => {
    const place = placeWith(`127.0.0.1:${edge.port}`, edge.instance, { cached: ['/product/31'] });
    const rounds = new Rounds(place);
    const run = async (work: () => Promise<unknown>) => {
      const window = rounds.run(log as (typeof varnish.collectors)[0]);
      await new Promise((resolve) => setTimeout(resolve, 500));
      await work();
      await httpStatus(edge.port, '/product/1');
      return ((await window).facts as VarnishFacts).log;
    };
    const own = await run(() => new Rounds(place).run(pages as (typeof varnish.collectors)[0]));
    expect(own.requests).toBe(1);
    expect(own.urls.map((row) => row.path)).toEqual(['/product/1']);
    const headers = { 'User-Agent': 'Warroom/0.1 (hidden)' };
    const borrowed = await run(async () => {
      for (let i = 0; i < 80; i++) await httpStatus(edge.port, '/product/1', { headers });
    });
    // The windows of a minute are summed: the one before had one.
    expect(borrowed.requests).toBe(82);
  });

  test('more URLs than a round asks for take turns, and keep what was found', async () => {
    const cached = Array.from({ length: 8 }, (_, i) => `/product/${100 + i}`);
    const rounds = new Rounds(placeWith(`127.0.0.1:${edge.port}`, edge.instance, { cached }));
    const first = (await rounds.run(pages as (typeof varnish.collectors)[0])).facts as VarnishFacts;
    expect(first.pages).toHaveLength(6);
    const second = (await rounds.run(pages as (typeof varnish.collectors)[0])).facts as VarnishFacts;
    expect(new Set(second.pages.map((page) => page.pattern))).toEqual(new Set(cached));
  });

  test('a page that is slow is left in peace', async () => {
    const rounds = new Rounds(
      placeWith(`127.0.0.1:${edge.port}`, edge.instance, { passed: ['/slow?s=2.5', '/cart'] }),
    );
    const { facts } = await rounds.run(pages as (typeof varnish.collectors)[0]);
    expect((facts as VarnishFacts).pages).toMatchObject([
      { path: '/slow?s=2.5', answers: [], skipped: expect.stringMatching(/^it took 2\.5\d? s to answer/) },
      { path: '/cart', answers: [{}, {}, {}] },
    ]);
    expect(rounds.judge(expectedPasses)).toMatchObject([
      { level: 'ok', evidence: [{ kind: 'note', text: expect.stringContaining('it took 2.5') }] },
    ]);
  });

  test('endless bodies are not read, and what headers hold is a text like any other', async () => {
    const endless = http.createServer((request, response) => {
      response.on('error', () => undefined);
      response.writeHead(200, {
        'X-Varnish': request.headers.cookie ? '7 5' : '6',
        Vary: '<!channel> @everyone `x`',
        'Cache-Control': `private, ${'x'.repeat(5000)}`,
      });
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      };
      response.on('drain', more);
      more();
    });
    const port = await freePort();
    await new Promise<void>((resolve) => endless.listen(port, '127.0.0.1', resolve));
    const rounds = new Rounds(
      placeWith(`127.0.0.1:${port}`, edge.instance, { cached: ['/'], passed: ['/mine'] }),
    );
    const began = Date.now();
    await rounds.run(pages as (typeof varnish.collectors)[0]);
    expect(Date.now() - began).toBeLessThan(15_000);
    endless.closeAllConnections();
    endless.close();
    expect(rounds.judge(expectedPasses)).toMatchObject([{ level: 'critical', subject: '/mine' }]);
    const [hit] = rounds.judge(expectedHits);
    expect(hit).toMatchObject({ level: 'warn', subject: '/' });
    expect(JSON.stringify(hit).length).toBeLessThan(3_000);
  });

  test('a server that accepts and says nothing is given up, one that refuses too', async () => {
    const silent = net.createServer((socket) => socket.on('error', () => undefined));
    const port = await freePort();
    await new Promise<void>((resolve) => silent.listen(port, '127.0.0.1', resolve));
    const at = (one: number) => placeWith(`127.0.0.1:${one}`, edge.instance, { cached: ['/', '/a'] });
    const began = Date.now();
    const context = { ...contextOf(at(port)), signal: AbortSignal.timeout(1_500) };
    await expect((pages as (typeof varnish.collectors)[0]).collect(context, undefined)).rejects.toThrow();
    expect(Date.now() - began).toBeLessThan(15_000);
    silent.close();
    await expect(
      (pages as (typeof varnish.collectors)[0]).collect(contextOf(at(await freePort())), undefined),
    ).rejects.toMatchObject({ code: 'TARGET_UNREACHABLE' });
  });
});
