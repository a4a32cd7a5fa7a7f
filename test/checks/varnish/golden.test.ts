import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseHaproxy } from '../../../src/checks/haproxy/collect.ts';
import { measureHaproxy } from '../../../src/checks/haproxy/measure.ts';
import { parseStats, toSnapshot } from '../../../src/checks/uwsgi/collect.ts';
import { measureUwsgi } from '../../../src/checks/uwsgi/measure.ts';
import { parseLog } from '../../../src/checks/varnish/log.ts';
import { summed } from '../../../src/checks/varnish/log-window.ts';
import { measureLog, measureStat } from '../../../src/checks/varnish/measure.ts';
import { parseStat } from '../../../src/checks/varnish/stat.ts';
import { splitAnswers } from '../../../src/targets/haproxy-socket.ts';
import { placeOf, stackOf } from './judge.ts';

const ROOT = join(import.meta.dirname, '..', '..', 'fixtures');
const STACK = stackOf({
  edge: { kind: 'varnish', on: 'here', url: 'http://shop.test', before: 'balancer' },
  balancer: { kind: 'haproxy', on: 'here', backend: 'shop', before: 'app' },
  app: { kind: 'uwsgi', on: 'here' },
});
const AT = Date.UTC(2026, 0, 1);
const COMMANDS = ['show info', 'show stat', 'show servers state shop'];

/** What a case's two snapshots, 5 s apart, are measured to. */
function measured(system: string, read: (file: string) => string | undefined): object {
  const pair = <S>(first: S, second: S) =>
    [
      { at: AT, snapshot: first },
      { at: AT + 5000, snapshot: second },
    ] as const;
  switch (system) {
    case 'varnish': {
      const log = read('log.jsonl');
      if (log !== undefined) {
        const window = summed(parseLog(log, true, 'web1'), { at: AT, seconds: 3, limited: false });
        return measureLog(
          undefined,
          { at: AT, snapshot: { json: true, windows: [window] } },
          placeOf(STACK, 'edge'),
        );
      }
      const first = parseStat(read('stat-1.json') ?? '', 'web1');
      return measureStat(...pair(first, parseStat(read('stat-2.json') ?? '', 'web1', first)));
    }
    case 'haproxy': {
      const parse = (file: string) =>
        parseHaproxy(splitAnswers(read(file) ?? '', COMMANDS, 'lb1'), 'shop', 'lb1');
      return measureHaproxy(...pair(parse('stats-1.txt'), parse('stats-2.txt')), placeOf(STACK, 'balancer'));
    }
    default: {
      const parse = (file: string) => toSnapshot(parseStats(read(file) ?? '', 'app1'), new Map());
      return measureUwsgi(...pair(parse('stats-1.json'), parse('stats-2.json')), placeOf(STACK, 'app'));
    }
  }
}

for (const system of ['varnish', 'haproxy', 'uwsgi']) {
  describe(`fixtures of ${system}`, () => {
    for (const version of readdirSync(join(ROOT, system)))
      for (const name of readdirSync(join(ROOT, system, version))) {
        const dir = join(ROOT, system, version, name);
        test(`${version}/${name} is measured as reviewed`, () => {
          const read = (file: string) =>
            existsSync(join(dir, file)) ? readFileSync(join(dir, file), 'utf8') : undefined;
          const found = `${JSON.stringify(measured(system, read), null, 1)}\n`;
          expect(found).not.toContain('hunter2');
          expect(found).not.toMatch(/aHVudGVy|null,? *"unit"/);
          const expected = join(dir, 'expected.json');
          if (process.env['UPDATE_FIXTURES']) writeFileSync(expected, found);
          expect(JSON.parse(found)).toEqual(JSON.parse(readFileSync(expected, 'utf8')));
        });
      }
  });
}
