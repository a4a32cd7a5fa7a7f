import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { balance, evictions, hitRate, latency } from '../../../src/checks/memcached/checks.ts';
import type { MemcachedFacts } from '../../../src/checks/memcached/facts.ts';
import { memcached } from '../../../src/checks/memcached/index.ts';
import { until } from '../varnish/servers.ts';
import { type Daemon, Daemons, missingMemcached, Shop } from './daemon.ts';
import { Rounds } from './rounds.ts';

const why = missingMemcached();
describe.skipIf(why)(`a real memcached ${why ?? ''}`, () => {
  const daemons = new Daemons();
  const open: { close(): unknown }[] = [];
  let server: Daemon;
  let shop: Shop;
  let rounds: Rounds;

  function watching(...servers: Daemon[]): Rounds {
    const made = new Rounds({ servers: servers.map(({ port }) => `127.0.0.1:${port}`) });
    open.push(made);
    return made;
  }
  function shopOf({ port }: Daemon): Shop {
    const made = new Shop(port);
    open.push({ close: () => made.end() });
    return made;
  }
  const facts = (index = 0) => rounds.views()[index]?.facts as Partial<MemcachedFacts>;
  const value = (metric: string, index = 0) => rounds.views()[index]?.value(`memcached.${metric}`);

  beforeAll(async () => {
    server = await daemons.start(['-m', '64']);
  });
  afterEach(async () => {
    for (const one of open.splice(0)) await one.close();
  });
  afterAll(() => daemons.stop());

  test('its figures are those that it says itself', async () => {
    rounds = watching(server);
    shop = shopOf(server);
    await rounds.run('stats');
    const before = await shop.stats();
    for (let i = 0; i < 20; i++) await shop.set(`product:${i}`, 100);
    for (let i = 0; i < 100; i++) await shop.get(`product:${i % 25}`);
    await rounds.run('stats');
    const after = await shop.stats();
    const grown = (name: string) => Number(after.get(name)) - Number(before.get(name));
    const gets = value('gets') as number;
    expect(grown('cmd_get')).toBe(100);
    expect((value('hits') as number) / gets).toBeCloseTo(0.8, 10);
    expect(value('hit_share')).toBeCloseTo(0.8, 10);
    expect((value('sets') as number) / gets).toBeCloseTo(0.2, 10);
    expect(value('memory_given')).toBe(Number(after.get('limit_maxbytes')));
    expect(value('memory_used')).toBe(Number(after.get('bytes')));
    expect(value('items')).toBe(20);
    expect(value('connections')).toBe(Number(after.get('curr_connections')));
    expect(value('connection_limit')).toBe(1024 - Number(after.get('reserved_fds')));
    expect(facts().server).toMatchObject({ version: after.get('version'), protocol: 'text' });
    expect(memcached.figures(rounds.views())).toMatch(/^80 % hits, /);
  });

  test('names the worst prefix, and why it misses', async () => {
    rounds = watching(server);
    shop = shopOf(server);
    for (let i = 0; i < 20; i++) await shop.set(`product:${i}`, 100);
    await rounds.run('stats');
    let going = true;
    const traffic = (async () => {
      for (let i = 0; going; i++) {
        await shop.get(`product:${i % 20}`);
        await shop.get(`:1:cart.${i}`);
        const page = `page/${i}`;
        if (!(await shop.get(page))) await shop.set(page, 10);
        if (i % 20 === 0) await sleep(1);
      }
    })();
    await rounds.run('fetches');
    await rounds.run('stats');
    going = false;
    await traffic;
    const { fetches } = facts();
    expect(fetches).toMatchObject({ source: 'watch' });
    const row = (prefix: string) => fetches?.prefixes.find((one) => one.prefix === prefix);
    expect(row('product')).toMatchObject({ hitShare: 1 });
    expect(row('product')?.why).toBeUndefined();
    expect(row('cart.')).toMatchObject({ hitShare: 0, why: 'never set' });
    expect(row('page')).toMatchObject({ hitShare: 0, why: 'other keys each time' });
    // A store looks its key up first; those looks are not counted as reads.
    expect((row('page')?.readsPerSecond ?? 0) / (row('cart.')?.readsPerSecond ?? 1)).toBeCloseTo(1, 1);
    const [bad] = rounds.judge(hitRate);
    expect(bad).toMatchObject({ level: 'critical', cleared: false, threshold: 0.6 });
    expect(bad?.summary).toMatch(
      /^33(\.\d+)? % of .*\/s reads are hits \(limit 60 %\); most misses are "(cart\.|page)"/,
    );
    expect(await shop.stats('settings').then((all) => all.get('detail_enabled'))).toBe('no');
  });

  test('a hit rate in the nineties is well', async () => {
    rounds = watching(server);
    shop = shopOf(server);
    for (let i = 0; i < 20; i++) await shop.set(`product:${i}`, 100);
    await rounds.run('stats');
    for (let i = 0; i < 200; i++) await shop.get(`product:${i % 20}`);
    await rounds.run('stats');
    expect(rounds.judge(hitRate)).toMatchObject([{ level: 'ok', cleared: true, value: 1 }]);
    const quiet = watching(server);
    await quiet.run('stats');
    await sleep(50);
    await quiet.run('stats');
    expect(quiet.judge(hitRate)).toMatchObject([{ level: 'ok', basis: 'thin' }]);
  });

  test('what is evicted while it is wanted is said, with its size; more memory heals it', async () => {
    const small = await daemons.start(['-m', '64']);
    rounds = watching(small);
    shop = shopOf(small);
    await shop.say('cache_memlimit 8');
    const visit = async (visits: number) => {
      for (let i = 0; i < visits; i++) {
        const key = `picture:${i % 200}`;
        if (!(await shop.get(key))) await shop.set(key, 90_000);
      }
    };
    await rounds.run('items');
    await rounds.run('stats');
    await visit(400);
    await rounds.run('items');
    await rounds.run('stats');
    const stats = await shop.stats();
    const evicted = [...(await shop.stats('items'))].filter(([name]) => name.endsWith(':evicted'));
    expect(evicted.reduce((sum, [, count]) => sum + Number(count), 0)).toBe(Number(stats.get('evictions')));
    expect(Number(stats.get('evictions'))).toBeGreaterThan(100);
    const [bad] = rounds.judge(evictions);
    expect(bad).toMatchObject({
      level: 'critical',
      unit: 's',
      threshold: 60,
      subject: `127.0.0.1:${small.port}`,
    });
    expect(bad?.summary).toMatch(/evicts .*\/s items, the last one used \d+ s before \(limit 1 min\)/);
    expect(rounds.judge(hitRate)[0]).toMatchObject({ level: 'critical' });

    await shop.say('cache_memlimit 64');
    await visit(200);
    await rounds.run('items');
    await visit(200);
    await sleep(20);
    await rounds.run('items');
    await rounds.run('stats');
    expect(rounds.judge(evictions)).toMatchObject([
      { level: 'ok', summary: expect.stringMatching(/^Nothing is evicted; .* of 64 MiB are in use\.$/) },
    ]);
  });

  test('a store that is refused for want of memory is critical', async () => {
    const small = await daemons.start(['-m', '2', '-M']);
    rounds = watching(small);
    shop = shopOf(small);
    await rounds.run('items');
    let answer = '';
    for (let i = 0; i < 200 && !answer.startsWith('SERVER_ERROR'); i++)
      answer = await shop.set(`picture:${i}`, 200_000);
    expect(answer).toMatch(/^SERVER_ERROR out of memory/);
    await rounds.run('items');
    expect(rounds.judge(evictions)[0]).toMatchObject({
      level: 'critical',
      summary: expect.stringContaining('refuses'),
    });
  });

  test('work on one of two servers is not balanced, and a hot key is named by its prefix', async () => {
    const second = await daemons.start();
    rounds = watching(server, second);
    const shops = [shopOf(server), shopOf(second)] as const;
    const work = async (first: number, other: number) => {
      await rounds.run('stats');
      for (let i = 0; i < first; i++) await shops[0].get('menu:1');
      for (let i = 0; i < other; i++) await shops[1].get('menu:1');
      await rounds.run('stats');
    };
    await rounds.run('stats');
    expect(rounds.judge(balance)).toMatchObject([{ level: 'ok', basis: 'thin' }]);
    await work(300, 0);
    expect(rounds.judge(balance, { windowSeconds: 10 })).toMatchObject([
      { level: 'critical', unit: 'count', threshold: 1.8, value: expect.closeTo(2, 1) },
    ]);
    expect(rounds.judge(balance)[0]?.summary).toContain(
      `127.0.0.1:${server.port} does 100 % of the work, 2 times`,
    );
    const even = watching(server, second);
    rounds = even;
    await work(150, 150);
    expect(rounds.judge(balance)).toMatchObject([{ level: 'ok', cleared: true }]);
    expect(watching(server).judge(balance)).toMatchObject([{ level: 'ok' }]);
  });

  test('one server of two that does not answer: balance is not known', async () => {
    const second = await daemons.start();
    rounds = watching(server, second);
    await rounds.run('stats');
    const views = rounds.views;
    rounds.views = () => views.call(rounds).slice(0, 1);
    expect(rounds.judge(balance)).toMatchObject([
      { level: 'unknown', summary: 'Only 1 of 2 servers answered: balance needs all of them.' },
    ]);
  });

  test('an operation takes its own time alone, and a server that stands still for a while is slow', async () => {
    const slow = await daemons.start();
    rounds = watching(slow);
    await until(async () => {
      await rounds.run('latency');
      return (value('operation_ms') as number) < 2;
    });
    await rounds.run('stats');
    expect(rounds.judge(latency)).toMatchObject([{ level: 'ok', unit: 'ms', threshold: 2 }]);
    // It runs for a tenth of the time, as under a CPU quota.
    const pulse = setInterval(() => {
      slow.child.kill('SIGSTOP');
      setTimeout(() => slow.child.kill('SIGCONT'), 45);
    }, 50);
    try {
      await until(async () => {
        await rounds.run('latency');
        return (value('operation_ms') as number) > 2;
      });
      await rounds.run('stats');
      const [bad] = rounds.judge(latency);
      expect(bad).toMatchObject({ subject: `127.0.0.1:${slow.port}`, unit: 'ms' });
      expect(['warn', 'critical']).toContain(bad?.level);
      expect(value('way_ms') as number).toBeLessThan(value('round_trip_ms') as number);
    } finally {
      clearInterval(pulse);
      await sleep(60);
      slow.child.kill('SIGCONT');
    }
    await until(async () => {
      await rounds.run('latency');
      return rounds.judge(latency)[0]?.cleared !== false && rounds.judge(latency)[0]?.level === 'ok';
    });
  });

  test('one that has all the connections that it may have says so', async () => {
    const few = await daemons.start(['-c', '40']);
    rounds = watching(few);
    await rounds.run('stats');
    await rounds.run('latency');
    const shops = Array.from({ length: 40 }, () => shopOf(few));
    await Promise.all(shops.map((one) => one.say('version').catch(() => '')));
    await rounds.run('stats');
    const [bad] = rounds.judge(latency);
    expect(bad?.level).toBe('critical');
    expect(bad?.summary).toMatch(/It takes no new connections: \d\d of 30 \(limit 90 %\)/);
    // A Warroom that starts now gets none either, and says why.
    const late = watching(few);
    await expect(late.run('stats')).rejects.toMatchObject({
      code: 'TARGET_UNREACHABLE',
      fields: { problem: 'it has as many connections as it may have' },
    });
  });

  test('a restart, and a reset of its counters, give no rate', async () => {
    const other = await daemons.start();
    rounds = watching(other);
    shop = shopOf(other);
    for (let i = 0; i < 50; i++) await shop.get('a:1');
    await rounds.run('stats');
    await shop.say('stats reset');
    await rounds.run('stats');
    expect(value('gets')).toBeUndefined();
    expect(value('hit_share')).toBeUndefined();
    // Two looks within one millisecond are no pair.
    await expect
      .poll(async () => {
        await shop.get('a:1');
        await rounds.run('stats');
        return value('gets') ?? 0;
      })
      .toBeGreaterThan(0);
  });

  test('the views show what memcache-top shows, and take no other words', async () => {
    rounds = watching(server);
    shop = shopOf(server);
    await shop.set('product:1', 1000);
    const [table] = await rounds.show('');
    expect(table).toMatchObject({ kind: 'table', title: 'Servers' });
    expect(JSON.stringify(await rounds.show('items'))).toContain(`Items by size on 127.0.0.1:${server.port}`);
    const reading = (async () => {
      for (let i = 0; i < 40; i++) {
        await shop.get('product:1');
        await sleep(50);
      }
    })();
    const shown = JSON.stringify(await rounds.show('prefixes'));
    await reading;
    expect(shown).toContain('"product"');
    expect(memcached.views.find((one) => one.name === 'prefixes')?.cost).toContain('3,000 lines');
    await expect(rounds.show('items', ['all'])).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  });
});
