import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { evictions, hitRate } from '../../../src/checks/memcached/checks.ts';
import { parseClasses } from '../../../src/checks/memcached/collect.ts';
import { parseFetches } from '../../../src/checks/memcached/fetch-lines.ts';
import { measureItems, measureStats } from '../../../src/checks/memcached/measure.ts';
import { measureFetches } from '../../../src/checks/memcached/measure-fetches.ts';
import { Config } from '../../../src/config/schema.ts';
import { Stack } from '../../../src/config/stack.ts';
import { History } from '../../../src/history/history.ts';
import { instanceView, judged } from '../../../src/schedule/judging.ts';
import { parseStats } from '../../../src/targets/memcached-link.ts';
import { FIXTURES } from './fixtures.ts';

const AT = Date.UTC(2026, 0, 1);
const stack = new Stack(
  Config.parse({ services: { cache: { kind: 'memcached', servers: ['cache1:11211'] } } }),
);

/** What two looks five seconds apart, and the lines between them, are measured and judged to. */
function resultsOf(folder: string): string {
  const lines = (file: string) =>
    readFileSync(join(folder, file), 'latin1')
      .split('\n')
      .map((line) => line.replace(/\r$/, ''))
      .filter(Boolean);
  const stats = (file: string) => parseStats(lines(file), 'cache1');
  const pair = <S>(snapshot: (nth: number) => S) =>
    [
      { at: AT, snapshot: snapshot(1) },
      { at: AT + 5000, snapshot: snapshot(2) },
    ] as const;
  const measured = [
    measureStats(
      ...pair((nth) => {
        const all = stats(`stats-${nth}.txt`);
        const counters = [...all].filter(([, value]) => /^\d+$/.test(value));
        return {
          protocol: 'text' as const,
          version: all.get('version') ?? '',
          counters: new Map(counters.map(([name, value]) => [name, Number(value)])),
        };
      }),
    ),
    measureItems(
      ...pair((nth) => ({ classes: parseClasses(stats(`items-${nth}.txt`), stats(`slabs-${nth}.txt`)) })),
    ),
    measureFetches(undefined, {
      at: AT,
      snapshot: { source: 'watch', windows: [parseFetches(lines('watch.txt'), 5)] },
    }),
  ];
  const readings = measured.flatMap((one) => one.readings);
  const facts = Object.assign({}, ...measured.map((one) => one.facts)) as object;
  const history = new History(() => AT);
  const findings = [hitRate, evictions].flatMap((check) =>
    judged(check as typeof hitRate, {
      target: 'cache',
      at: AT,
      instances: [instanceView('cache1', AT, readings, facts)],
      history,
      changes: [],
      thresholds: check.thresholds.parse({}) as ReturnType<typeof hitRate.thresholds.parse>,
      stack,
    }).map(({ subject, level, cleared, basis, summary, advice }) => ({
      check: check.id,
      subject,
      level,
      cleared,
      basis,
      summary,
      advice,
    })),
  );
  return `${JSON.stringify({ readings, facts, findings }, null, 1)}\n`;
}

describe('recordings of a real memcached', () => {
  const cases = readdirSync(FIXTURES).flatMap((version) =>
    readdirSync(join(FIXTURES, version)).map((name) => join(version, name)),
  );
  test.each(cases)('%s is measured and judged as reviewed', (name) => {
    const folder = join(FIXTURES, name);
    const expected = join(folder, 'expected.json');
    const found = resultsOf(folder);
    if (process.env['UPDATE_FIXTURES']) writeFileSync(expected, found);
    expect(JSON.parse(found)).toEqual(JSON.parse(readFileSync(expected, 'utf8')));
  });
});
