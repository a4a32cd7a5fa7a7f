import net from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { hitRate } from '../../../src/checks/memcached/checks.ts';
import { parseClasses } from '../../../src/checks/memcached/collect.ts';
import type { MemcachedFacts } from '../../../src/checks/memcached/facts.ts';
import { parseFetches, prefixOf } from '../../../src/checks/memcached/fetch-lines.ts';
import { parseDetail } from '../../../src/checks/memcached/fetches.ts';
import { measureStats } from '../../../src/checks/memcached/measure.ts';
import { ofWindows } from '../../../src/checks/memcached/measure-fetches.ts';
import { parseStats } from '../../../src/targets/memcached-link.ts';
import { Rounds } from './rounds.ts';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

/** Something that listens where a memcached should; `answer` gets each line that comes. */
async function stranger(answer: (line: string, socket: net.Socket) => void): Promise<Rounds> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      for (const line of data.toString('latin1').split('\r\n')) if (line.trim()) answer(line.trim(), socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  const rounds = new Rounds({ servers: [`127.0.0.1:${port}`] });
  open.push(rounds, {
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  });
  return rounds;
}

const version = (line: string, socket: net.Socket) => {
  if (line === 'version') socket.write('VERSION 1.6.18\r\n');
  return line === 'version';
};

describe('a server that is broken, or none', () => {
  test('takes the connection and says nothing: the deadline', async () => {
    const rounds = await stranger(() => undefined);
    await expect(rounds.run('stats', 300)).rejects.toMatchObject({ code: 'TARGET_DEADLINE' });
  });

  test('gives half an answer: the deadline; and hangs up in the middle: a bad answer', async () => {
    const half = await stranger(
      (line, socket) => version(line, socket) || socket.write('STAT pid 1\r\nSTAT upt'),
    );
    await expect(half.run('stats', 300)).rejects.toMatchObject({ code: 'TARGET_DEADLINE' });
    const cut = await stranger(
      (line, socket) => version(line, socket) || socket.end('STAT pid 1\r\nSTAT upt'),
    );
    await expect(cut.run('stats', 2000)).rejects.toMatchObject({
      code: 'BAD_ANSWER',
      fields: { problem: expect.stringContaining('ended the connection') },
    });
  });

  test('gives 20 MB: cut, said, and the connection is thrown away', async () => {
    let connections = 0;
    const rounds = await stranger((line, socket) => {
      if (version(line, socket)) connections += 1;
      else for (let i = 0; i < 20; i++) socket.write(`STAT a${i} ${'9'.repeat(1_000_000)}\r\n`);
    });
    await expect(rounds.run('stats', 5000)).rejects.toMatchObject({
      code: 'TARGET_CUT',
      fields: { maxBytes: 1024 * 1024 },
    });
    await expect(rounds.run('stats', 5000)).rejects.toMatchObject({ code: 'TARGET_CUT' });
    expect(connections).toBe(2);
  });

  test('is another program: said with its words, without control characters', async () => {
    const redis = await stranger((_, socket) =>
      socket.write("-ERR unknown command 'version'\u0007\u001b[31m\r\n"),
    );
    await expect(redis.run('stats', 2000)).rejects.toMatchObject({
      code: 'BAD_ANSWER',
      fields: { problem: `it says "-ERR unknown command 'version'·[31m"` },
    });
    const other = await stranger((line, socket) => version(line, socket) || socket.write('HELLO\r\nEND\r\n'));
    await expect(other.run('stats', 2000)).rejects.toMatchObject({ code: 'BAD_ANSWER' });
    const empty = await stranger((line, socket) => version(line, socket) || socket.write('END\r\n'));
    await expect(empty.run('stats', 2000)).rejects.toMatchObject({
      code: 'BAD_ANSWER',
      fields: { problem: 'uptime or cmd_get is missing' },
    });
  });

  test('hangs up on both protocols: a bad answer, soon', async () => {
    const rounds = await stranger((_, socket) => socket.destroy());
    await expect(rounds.run('stats', 4000)).rejects.toMatchObject({ code: 'BAD_ANSWER' });
  });

  test('is not there: unreachable', async () => {
    const rounds = new Rounds({ servers: ['127.0.0.1:1'] });
    open.push(rounds);
    await expect(rounds.run('stats', 2000)).rejects.toMatchObject({ code: 'TARGET_UNREACHABLE' });
  });

  test('never ends its watch lines: the look is over all the same', async () => {
    const rounds = await stranger((line, socket) => {
      if (version(line, socket)) return;
      socket.write('OK\r\n');
      for (let i = 0; i < 5000; i++)
        socket.write(
          `ts=1 gid=${i} type=item_get key=p${i % 700}x%3A1 status=found clsid=1 cfd=${i} size=1\r\n`,
        );
    });
    await rounds.run('fetches', 4000);
    const fetches = (rounds.views()[0]?.facts as Partial<MemcachedFacts> | undefined)?.fetches;
    expect(fetches?.reads).toBe(3000);
    expect(fetches?.prefixes.length).toBeLessThanOrEqual(20);
  });
});

describe('hostile names', () => {
  test.each([
    ['product:17', 'product'],
    ['page/about', 'page'],
    ['user17', 'user'],
    ['shop%3A1%3Aproduct%3A5', 'shop:product'],
    ['%3A1%3Acart.17', 'cart.'],
    ['17', '(no prefix)'],
    ['0123abc', '(no prefix)'],
    ['kdhfgkshdfgkjhsdkfjghskdjfhgskdjfhg', '(no prefix)'],
    ['%E2%80%AEevil:1', '\u202eevil'],
    ['a%00b:1', 'a·b'],
    ['broken%zz:1', 'broken%zz'],
  ])('%s is of %s', (key, prefix) => {
    expect(prefixOf(key)).toBe(prefix);
  });

  test('keys that look like secrets are none of a prefix', () => {
    expect(prefixOf('token=abcdefgh')).not.toContain('abcdefgh');
    expect(prefixOf('eyJhbGciOi.eyJzdWIiO:1')).not.toContain('eyJhbGci');
  });

  test('any key gives a short prefix without control characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 250 }), (key) => {
        const prefix = prefixOf(key);
        expect(prefix.length).toBeGreaterThan(0);
        expect(prefix.length).toBeLessThanOrEqual(32 + 1 + 32);
        expect(prefix).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
      }),
    );
  });
});

describe('parsers', () => {
  const word = fc.string({ unit: 'binary', maxLength: 40 });

  test('nothing that a server says makes them fail in another way than they say', () => {
    fc.assert(
      fc.property(fc.array(word), (lines) => {
        parseFetches(lines, 1);
        parseDetail(lines);
        parseClasses(new Map(lines.map((line) => [line, line])));
        try {
          parseStats([...lines, 'END'], 'cache1');
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'BAD_ANSWER' });
        }
      }),
    );
  });

  test('every fetch is counted once, whatever their order; a store takes its own look-up with it', () => {
    const event = fc.record({
      kind: fc.constantFrom('get', 'set', 'evict'),
      cfd: fc.integer({ min: 20, max: 23 }),
      key: fc.constantFrom('a%3A1', 'a%3A2', 'b%2F1'),
      found: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 200 }), (events) => {
        const lines = events.flatMap(({ kind, cfd, key, found }) => {
          const get = `ts=1 gid=1 type=item_get key=${key} status=${found ? 'found' : 'not_found'} clsid=0 cfd=${cfd} size=0`;
          if (kind === 'get') return [get];
          if (kind === 'evict')
            return [`ts=1 gid=1 type=eviction key=${key} fetch=no ttl=-1 la=3 clsid=1 size=9`];
          return [
            get,
            `ts=1 gid=1 type=item_store key=${key} status=stored cmd=set ttl=0 clsid=1 cfd=${cfd} size=1`,
          ];
        });
        const window = parseFetches(lines, 1);
        const sum = (name: 'reads' | 'hits' | 'misses' | 'sets' | 'evicted') =>
          [...window.prefixes.values()].reduce((total, tally) => total + tally[name], 0);
        const of = (kind: string) => events.filter((one) => one.kind === kind).length;
        expect(sum('reads')).toBe(of('get'));
        expect(sum('hits') + sum('misses')).toBe(of('get'));
        expect(sum('sets')).toBe(of('set'));
        expect(sum('evicted')).toBe(of('evict'));
      }),
    );
  });

  test('lines that the server left out are counted, evictions make the reason', () => {
    const get = 'ts=1 gid=1 type=item_get key=a%3A1 status=not_found clsid=0 cfd=25 size=0';
    const window = parseFetches(
      [get, '[skipped: 12]', get, 'ts=1 gid=9 type=eviction key=a%3A7 fetch=yes ttl=-1 la=3 clsid=1 size=9'],
      2,
    );
    expect(window.skipped).toBe(12);
    expect(ofWindows([window]).prefixes).toMatchObject([
      { prefix: 'a', readsPerSecond: 1, hitShare: 0, evictionsPerSecond: 0.5, why: 'evicted' },
    ]);
  });
});

describe('clocks and counters', () => {
  const snapshot = (counters: Record<string, number>) => ({
    protocol: 'text' as const,
    version: '1.6.18\u0007<!channel>',
    counters: new Map(Object.entries({ pid: 7, uptime: 100, cmd_get: 1000, get_hits: 900, ...counters })),
  });
  const metrics = (before: object, after: object, seconds: number) =>
    measureStats(
      { at: 0, snapshot: snapshot({ ...before }) },
      { at: seconds * 1000, snapshot: snapshot({ ...after }) },
    )
      .readings.map((one) => one.metric)
      .filter((metric) => metric === 'memcached.gets');

  test('a clock that goes back an hour, a counter that goes back, another process: no rate', () => {
    expect(metrics({}, { cmd_get: 1100, uptime: 105 }, 5)).toHaveLength(1);
    expect(metrics({}, { cmd_get: 1100, uptime: 105 }, -3600)).toEqual([]);
    expect(metrics({}, { cmd_get: 10, uptime: 105 }, 5)).toEqual([]);
    expect(metrics({}, { cmd_get: 1100, uptime: 105, pid: 8 }, 5)).toEqual([]);
    expect(metrics({}, { cmd_get: 1100, uptime: 3 }, 5)).toEqual([]);
  });

  test('a version with control characters is shown without them', () => {
    const { facts } = measureStats(undefined, { at: 0, snapshot: snapshot({}) });
    expect(facts.server?.version).toBe('1.6.18·<!channel>');
  });

  test('a cold cache that fills is warming, one that does not fill is not', () => {
    const rounds = new Rounds({ servers: ['127.0.0.1:1'] });
    open.push(rounds);
    const judged = (shares: readonly number[], uptimeSeconds: number) => {
      const target = `${shares}`;
      rounds.now = 1e9;
      shares.forEach((share, i) => {
        rounds.history.write(target, 'a', rounds.now - (shares.length - i) * 5000, [
          { metric: 'memcached.gets', value: 100, unit: '/s' },
          { metric: 'memcached.hits', value: 100 * share, unit: '/s' },
        ]);
      });
      const server = { version: '1', protocol: 'text' as const, uptimeSeconds };
      return hitRate.judge({
        target,
        at: rounds.now,
        instances: [
          { instance: 'a', at: 0, readings: [], facts: { server }, value: () => undefined, all: () => [] },
        ],
        history: rounds.history,
        changes: [],
        thresholds: hitRate.thresholds.parse({}),
        stack: rounds.stack,
      })[0];
    };
    const rising = [0.1, 0.2, 0.3, 0.4, 0.5];
    expect(judged(rising, 60)).toMatchObject({ level: 'ok', cleared: false });
    expect(judged(rising, 60)?.summary).toMatch(/rising since a start 1 min ago: it is warming\.$/);
    expect(judged(rising, 7200)).toMatchObject({ level: 'critical' });
    expect(judged([0.3, 0.3, 0.3, 0.3, 0.3], 60)).toMatchObject({ level: 'critical' });
    expect(judged([0.95, 0.95, 0.95, 0.95], 60)).toMatchObject({ level: 'ok', cleared: true });
  });
});
