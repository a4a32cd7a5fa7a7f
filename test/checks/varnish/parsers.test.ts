import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Measured } from '../../../src/checks/contract.ts';
import { parseHaproxy } from '../../../src/checks/haproxy/collect.ts';
import { measureHaproxy } from '../../../src/checks/haproxy/measure.ts';
import { parseStats, parseUnixQueues, toSnapshot } from '../../../src/checks/uwsgi/collect.ts';
import { measureUwsgi } from '../../../src/checks/uwsgi/measure.ts';
import { parseLimits } from '../../../src/checks/varnish/limits.ts';
import { logFormat, parseLog } from '../../../src/checks/varnish/log.ts';
import { logFacts } from '../../../src/checks/varnish/log-facts.ts';
import { summed } from '../../../src/checks/varnish/log-window.ts';
import { measureLog, measureStat } from '../../../src/checks/varnish/measure.ts';
import { happyBits, parseStat } from '../../../src/checks/varnish/stat.ts';
import { WarroomError } from '../../../src/errors/catalogue.ts';
import { splitAnswers } from '../../../src/targets/haproxy-socket.ts';
import { socketAddress } from '../../../src/targets/stream.ts';
import { commandLine, quoteWord } from '../../../src/targets/varnish-cli.ts';
import { placeOf, stackOf } from './judge.ts';

const fixture = (path: string) =>
  readFileSync(join(import.meta.dirname, '..', '..', 'fixtures', path), 'utf8');
const COMMANDS = ['show info', 'show stat', 'show servers state shop'];
const place = placeOf(stackOf({ app: { kind: 'uwsgi', on: 'here' } }), 'app');

const SYSTEMS = {
  varnish: {
    text: fixture('varnish/7.1/after-reload/stat-2.json'),
    measure: (one: string, two: string) => {
      const first = parseStat(one, 'x');
      return measureStat({ at: 0, snapshot: first }, { at: 5000, snapshot: parseStat(two, 'x', first) });
    },
  },
  log: {
    text: fixture('varnish/7.1/redirects/log.jsonl'),
    measure: (_: string, two: string) => {
      const windows = [summed(parseLog(two, true, 'x'), { at: 5000, seconds: 4, limited: false })];
      return measureLog(undefined, { at: 5000, snapshot: { json: true, windows } }, place);
    },
  },
  haproxy: {
    text: fixture('haproxy/2.6/server-down/stats-2.txt'),
    measure: (one: string, two: string) => {
      const parse = (text: string) => parseHaproxy(splitAnswers(text, COMMANDS, 'x'), 'shop', 'x');
      return measureHaproxy({ at: 0, snapshot: parse(one) }, { at: 5000, snapshot: parse(two) }, place);
    },
  },
  uwsgi: {
    text: fixture('uwsgi/2.0/all-busy/stats-2.json'),
    measure: (one: string, two: string) => {
      const parse = (text: string) => toSnapshot(parseStats(text, 'x'), new Map());
      return measureUwsgi({ at: 0, snapshot: parse(one) }, { at: 5000, snapshot: parse(two) }, place);
    },
  },
} as const;

function sane({ readings }: Measured<object>): void {
  for (const { metric, value, unit } of readings) {
    if (!Number.isFinite(value) || value < 0 || (unit === 'share' && value > 1))
      throw new Error(`${metric} is ${value} ${unit}`);
  }
}

/** Damaged as answers are: cut, digits changed, a piece taken out or put in. */
const damage = (text: string) =>
  fc
    .record({
      at: fc.nat(text.length),
      take: fc.nat(400),
      put: fc.oneof(
        fc.string({ unit: 'binary', maxLength: 12 }),
        fc.constantFrom('-1', '1e999', '99999999999999999999', 'null', '[]', '{}', '\n\n', ',', '"'),
      ),
      cut: fc.boolean(),
    })
    .map(({ at, take, put, cut }) => text.slice(0, at) + put + (cut ? '' : text.slice(at + take)));

for (const [name, { text, measure }] of Object.entries(SYSTEMS)) {
  describe(`answers of ${name}`, () => {
    test('damaged in any way give a BAD_ANSWER or sane figures, nothing else', () => {
      fc.assert(
        fc.property(damage(text), fc.boolean(), (broken, first) => {
          try {
            sane(first ? measure(broken, text) : measure(text, broken));
          } catch (thrown) {
            if (
              !(thrown instanceof WarroomError) ||
              (thrown.code !== 'BAD_ANSWER' && thrown.code !== 'NO_RIGHT')
            )
              throw thrown;
          }
        }),
        { numRuns: 300 },
      );
    });

    test('cut in half are a BAD_ANSWER', () => {
      if (name === 'log') expect(() => measure(text, text.slice(0, text.length / 2))).not.toThrow();
      else expect(() => measure(text, text.slice(0, text.length / 2))).toThrow(WarroomError);
    });

    test('with counters that went back give no rate', () => {
      const back = text
        .replace(/("(?:value|requests|running_time)":\s?)\d+/g, '$10')
        .replace('Pid: ', 'Pid: 9');
      if (name === 'log') return;
      const rates = measure(text, back).readings.filter(
        (reading) => reading.unit === '/s' && reading.value > 0,
      );
      expect(rates).toEqual([]);
    });
  });
}

describe('varnishstat', () => {
  test('up to 6.4 is a flat object and reads the same', () => {
    const nested = JSON.parse(SYSTEMS.varnish.text) as { counters: object };
    const happy = happyBits(SYSTEMS.varnish.text);
    // JSON.stringify rounds the bitmaps: they are put back as the text had them.
    const flat = JSON.stringify({ timestamp: 'x', ...nested.counters }).replace(
      /("VBE\.([^"]+)\.happy":\{[^}]*"value":)\d+/g,
      (_, head: string, id: string) => `${head}${happy.get(id)}`,
    );
    expect(parseStat(flat, 'x')).toEqual(parseStat(SYSTEMS.varnish.text, 'x'));
  });

  test('a full bitmap is healthy: its newest probe is not rounded away', () => {
    expect(
      happyBits('{"VBE.boot.lb.happy": {"flag": "b", "value": 18446744073709551615}}').get('boot.lb'),
    ).toBe(2n ** 64n - 1n);
    expect(happyBits('{"VBE.boot.lb.happy": {"value": 18446744073709551608}}').get('boot.lb')).toBe(
      2n ** 64n - 8n,
    );
  });
});

describe('varnishncsa', () => {
  const line = (fields: object) =>
    JSON.stringify({
      side: 'c',
      handling: 'hit',
      micros: '100',
      status: '200',
      method: 'GET',
      path: '/',
      host: 'a',
      ...fields,
    });

  test('a line that a visitor broke is left out; a log of broken lines is a BAD_ANSWER', () => {
    const good = Array.from({ length: 20 }, () => line({})).join('\n');
    expect(parseLog(`${good}\n{"side":"c","path":"/\\x"}\n`, true, 'x')).toHaveLength(20);
    expect(() => parseLog('nonsense\nnonsense\nnonsense\n', true, 'x')).toThrow(WarroomError);
  });

  test('control characters are shown as dots, queries and cookies not at all', () => {
    const [record] = parseLog(
      line({ path: '/a\u0000\u001b[31m?token=hunter2', cookie: 'sid=hunter2;', location: '/b?t=hunter2' }),
      true,
      'x',
    );
    expect(record).toMatchObject({ path: '/a·[31m', cookie: true, location: '/b?…' });
    expect(JSON.stringify(record)).not.toContain('hunter2');
  });

  test('before 7.0 it is tab-separated and reads the same', () => {
    const cells = logFormat(false).split('\t').length;
    const values = [
      'c',
      'miss',
      '2500',
      '301',
      'GET',
      '/legacy/1',
      'shop.test',
      '/new',
      'no-store',
      '-',
      '-',
      '-',
      '-',
      '-',
      'Mozilla/5.0',
      '-',
      '10.0.0.7',
    ];
    expect(values).toHaveLength(cells);
    expect(parseLog(values.join('\t'), false, 'x')).toMatchObject([
      {
        client: true,
        handling: 'miss',
        seconds: 0.0025,
        status: 301,
        path: '/legacy/1',
        cacheControl: 'no-store',
        network: '10.0.0',
      },
    ]);
  });

  test('counts a client by the address that our own proxies wrote, not by what it says of itself', () => {
    const network = (forwarded: string, address: string) =>
      parseLog(line({ forwarded, address }), true, 'x')[0]?.network;
    expect(network('', '203.0.113.9')).toBe('203.0.113');
    expect(network('1.2.3.4, 5.6.7.8, 198.51.100.7, 10.0.0.2', '10.0.0.3')).toBe('198.51.100');
    expect(network('192.168.1.9', '10.0.0.3')).toBe('10.0.0');
    expect(network('2001:db8:1:2::3, fd00::1', '::1')).toBe('2001:db8:1');
  });

  test('names what keeps a URL out of the cache', () => {
    const reason = (client: object, backend: object) =>
      logFacts([
        summed(
          parseLog(
            [line({ handling: 'miss', ...client }), line({ side: 'b', handling: '-', ...backend })].join(
              '\n',
            ),
            true,
            'x',
          ),
          { at: 0, seconds: 4, limited: false },
        ),
      ]).urls[0]?.reason;
    expect(reason({}, {})).toBe('cold');
    expect(reason({}, { setCookie: 'a=b' })).toBe('set-cookie');
    expect(reason({ cacheControl: 'private' }, { setCookie: 'a=b' })).toBe('no-store');
    expect(reason({ handling: 'pass' }, { cookie: 'a=b' })).toBe('cookie');
    expect(reason({ handling: 'pass' }, { authorization: 'Basic' })).toBe('authorization');
    expect(reason({ handling: 'pass' }, {})).toBe('pass');
    expect(reason({ vary: 'Cookie' }, {})).toBe('vary');
    expect(reason({ cacheControl: 'max-age=0' }, {})).toBe('ttl-0');
    expect(reason({ handling: 'pass', method: 'POST' }, { method: 'POST' })).toBe('method');
    expect(reason({ status: '503' }, { status: '503' })).toBe('error');
  });
});

test('ss names the queues of unix sockets', () => {
  expect(parseUnixQueues('u_str LISTEN 3 100 /run/app.sock 123 * 0\ngarbage\n').get('/run/app.sock')).toEqual(
    { queue: 3, max: 100 },
  );
});

test('addresses are read as configs write them', () => {
  expect(socketAddress('/run/x.sock')).toEqual({ path: '/run/x.sock' });
  expect(socketAddress(':9191')).toEqual({ host: '127.0.0.1', port: 9191 });
  expect(socketAddress('[::1]:80')).toEqual({ host: '::1', port: 80 });
  expect(socketAddress('10.0.0.1:6082')).toEqual({ host: '10.0.0.1', port: 6082 });
});

test('words of varnishd’s command line are quoted with its escapes; a source is a heredoc', () => {
  expect(quoteWord('boot.*')).toBe('boot.*');
  expect(quoteWord('a "b" \\ \n\u0007')).toBe('"a \\"b\\" \\\\ \\n\\007"');
  expect(commandLine(['vcl.inline', 'wr_1', 'vcl 4.1;'])).toMatch(
    /^vcl\.inline wr_1 << (END_\w+)\nvcl 4\.1;\n\1$/,
  );
});

describe('how many threads a pool may have', () => {
  const ps = `/usr/sbin/varnishd -F -n /a -p thread_pool_max=100 -S /s
/usr/sbin/varnishd -j unix -a :80 -p thread_pool_min=5 -p thread_pool_max=300
`;
  test('varnishd itself says best, then its command line, then its default', () => {
    const told = 'thread_pool_max\n        Value is: 12 [threads]\n        Default is: 5000\n';
    expect(parseLimits(told + ps, undefined)).toEqual({ perPool: 12, source: 'varnishd' });
    expect(parseLimits(ps, undefined)).toEqual({ perPool: 300, source: 'its command line' });
    expect(parseLimits(ps, '/a')).toEqual({ perPool: 100, source: 'its command line' });
    expect(parseLimits(ps, '/b')).toEqual({ perPool: 5000, source: 'default' });
    expect(parseLimits('', undefined)).toEqual({ perPool: 5000, source: 'default' });
  });
  test('any text gives a figure', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(parseLimits(text, undefined).perPool).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
