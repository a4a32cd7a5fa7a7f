import { beforeEach, describe, expect, test } from 'vitest';
import { cacheUsesMemory } from '../../../src/checks/host/checks/cache-uses-memory.ts';
import type { HostProcess } from '../../../src/checks/host/facts.ts';
import { Config } from '../../../src/config/schema.ts';
import { Stack } from '../../../src/config/stack.ts';
import { History } from '../../../src/history/history.ts';
import { instanceView } from '../../../src/schedule/judging.ts';

const MB = 1024 * 1024;
const stack = new Stack(
  Config.parse({
    hosts: { web1: { local: true }, cache1: { local: true }, db1: { local: true }, app1: { local: true } },
    services: {
      edge: { kind: 'varnish', on: 'web1', url: 'http://shop.test' },
      app: { kind: 'uwsgi', on: 'app1', uses: ['cache', 'shopdb'] },
      cache: { kind: 'memcached', servers: ['cache1:11211', 'elsewhere:11211'] },
      shopdb: { kind: 'postgres', on: 'db1', primary: 'postgres://warroom@127.0.0.1/shop' },
      myshop: { kind: 'mysql', on: 'db1', primary: 'mysql://warroom@127.0.0.1/shop' },
    },
  }),
);

let history: History;
const now = 1e12;
beforeEach(() => {
  history = new History(() => now);
});

function said(service: string, instance: string, readings: Record<string, number>): void {
  for (let at = now - 300_000; at < now; at += 5000)
    history.write(
      service,
      instance,
      at,
      Object.entries(readings).map(([metric, value]) => ({ metric, value, unit: 'count' })),
    );
}

function judge(host: string, processes: readonly Partial<HostProcess>[] = []) {
  return cacheUsesMemory.judge({
    target: host,
    at: now,
    instances: [instanceView(host, now, [], { processes })],
    history,
    changes: [],
    thresholds: cacheUsesMemory.thresholds.parse({}),
    stack,
  });
}

const memcached = (used: number, more: Record<string, number> = {}) =>
  said('cache', 'cache1', {
    'memcached.memory_given': 64 * MB,
    'memcached.memory_used': used * MB,
    'memcached.uptime': 7200,
    'memcached.gets': 100,
    'memcached.hit_share': 0.95,
    ...more,
  });

describe('memory that was given and is not used', () => {
  test('a half-empty cache that hits is well; one that misses or throws out is not', () => {
    memcached(10);
    expect(judge('cache1')).toMatchObject([{ level: 'ok' }]);
    history = new History(() => now);
    memcached(10, { 'memcached.hit_share': 0.4 });
    const [bad] = judge('cache1');
    expect(bad).toMatchObject({
      level: 'warn',
      subject: 'cache',
      unit: 'share',
      threshold: 0.5,
      cleared: false,
    });
    expect(bad?.summary).toMatch(
      /^cache \(memcached\) uses 10 MiB of 64 MiB after 2 h 0 min, 15\.6 % \(limit 50 %\), though it misses /,
    );
    history = new History(() => now);
    memcached(10, { 'memcached.evictions': 20 });
    expect(judge('cache1')[0]?.summary).toContain('though it throws out 20.0 items a second');
  });

  test('nobody asks it, while requests come to the application that uses it', () => {
    memcached(0.1, { 'memcached.gets': 0 });
    expect(judge('cache1')).toMatchObject([{ level: 'ok' }]);
    said('app', 'app1', { 'uwsgi.requests': 40 });
    expect(judge('cache1')[0]?.summary).toContain('is asked for nothing while 40 requests a second come');
  });

  test('one that just started, one that is full, and one that few read: no verdict against it', () => {
    memcached(10, { 'memcached.hit_share': 0.4, 'memcached.uptime': 60 });
    expect(judge('cache1')).toMatchObject([{ level: 'ok' }]);
    history = new History(() => now);
    memcached(60, { 'memcached.hit_share': 0.4 });
    expect(judge('cache1')).toMatchObject([{ level: 'ok' }]);
    history = new History(() => now);
    memcached(10, { 'memcached.hit_share': 0.4, 'memcached.gets': 1 });
    expect(judge('cache1')).toMatchObject([{ level: 'ok' }]);
  });

  test('what misses for a minute only is no finding', () => {
    said('cache', 'cache1', {
      'memcached.memory_given': 64 * MB,
      'memcached.memory_used': MB,
      'memcached.uptime': 9000,
    });
    for (let at = now - 60_000; at < now; at += 5000)
      history.write('cache', 'cache1', at, [
        { metric: 'memcached.gets', value: 100, unit: '/s' },
        { metric: 'memcached.hit_share', value: 0.1, unit: 'share' },
      ]);
    expect(judge('cache1')).toMatchObject([{ level: 'ok' }]);
  });

  test('clears above its clearing limit alone', () => {
    memcached(36, { 'memcached.hit_share': 0.4 });
    expect(judge('cache1')).toMatchObject([{ level: 'ok', cleared: false, subject: 'cache' }]);
  });

  test('PostgreSQL: its buffers as its processes have them, its age as the host knows it', () => {
    said('shopdb', 'db1', {
      'postgres.memory_given': 128 * MB,
      'postgres.cache_hit': 0.6,
      'postgres.blocks': 5000,
    });
    const process = { name: 'postgres', startedAt: now - 3_600_000 };
    expect(judge('db1', [{ ...process }])).toMatchObject([{ level: 'ok', basis: 'thin' }]);
    const [bad] = judge('db1', [
      { ...process, sharedBytes: 20 * MB },
      { ...process, sharedBytes: 9 * MB },
    ]);
    expect(bad).toMatchObject({ level: 'warn', subject: 'shopdb' });
    expect(bad?.summary).toContain('uses 20 MiB of 128 MiB after 1 h 0 min, 15.6 %');
    expect(JSON.stringify(bad?.evidence)).toContain('misses 40 % of its reads');
  });

  test('PostgreSQL that still fills: what it missed would not have filled what is free', () => {
    const process = { name: 'postgres', startedAt: now - 3_600_000, sharedBytes: 20 * MB };
    const reads = (blocks: number) => {
      history = new History(() => now);
      said('shopdb', 'db1', {
        'postgres.memory_given': 64 * MB,
        'postgres.cache_hit': 0.9,
        'postgres.blocks': blocks,
      });
    };
    reads(150);
    expect(judge('db1', [process])).toMatchObject([{ level: 'ok' }]);
    reads(400);
    expect(judge('db1', [process])).toMatchObject([{ level: 'warn' }]);
  });

  test('PostgreSQL: a start that missed much of little is outweighed by what was read since', () => {
    const process = { name: 'postgres', startedAt: now - 3_600_000, sharedBytes: 20 * MB };
    for (let at = now - 300_000, i = 0; at < now; at += 5000, i += 1)
      history.write('shopdb', 'db1', at, [
        { metric: 'postgres.memory_given', value: 64 * MB, unit: 'B' },
        { metric: 'postgres.blocks', value: i % 2 ? 100_000 : 1000, unit: '/s' },
        { metric: 'postgres.cache_hit', value: i % 2 ? 0.99 : 0, unit: 'share' },
      ]);
    expect(judge('db1', [process])).toMatchObject([{ level: 'ok' }]);
  });

  test('Varnish and MySQL by their own readings, side by side', () => {
    said('myshop', 'db1', {
      'mysql.memory_given': 64 * MB,
      'mysql.memory_used': 8 * MB,
      'mysql.uptime': 9000,
      'mysql.pool_requests': 4000,
      'mysql.pool_hit_rate': 0.7,
    });
    expect(judge('db1')).toMatchObject([{ level: 'warn', subject: 'myshop' }]);
    said('edge', 'web1', {
      'varnish.memory_given': 256 * MB,
      'varnish.memory_used': 3 * MB,
      'varnish.uptime': 9000,
      'varnish.requests': 80,
      'varnish.hit_share': 0.3,
    });
    expect(judge('web1')).toMatchObject([{ level: 'warn', subject: 'edge' }]);
  });

  test('a host without any, and one whose caches were not read yet', () => {
    expect(judge('app1')).toMatchObject([{ level: 'ok', summary: expect.stringContaining('No cache') }]);
    expect(judge('web1')).toMatchObject([{ level: 'ok', basis: 'thin' }]);
  });
});
