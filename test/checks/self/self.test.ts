import { describe, expect, test } from 'vitest';
import { collectors, connectivity, store } from '../../../src/checks/self/checks.ts';
import type { PartHealth } from '../../../src/health/health.ts';
import { History } from '../../../src/history/history.ts';
import { inputOf, stackOf } from '../varnish/judge.ts';

const AT = Date.UTC(2026, 0, 1);

function part(name: string, state: PartHealth['state'], ageSeconds: number, what = 'no route'): PartHealth {
  return { part: name, state, since: AT - ageSeconds * 1000, what, mend: 'mend it' };
}
function judge(check: typeof connectivity, ...parts: PartHealth[]) {
  const input = inputOf(stackOf({}), 'self', new History(() => AT), AT, parts);
  return check.judge({ ...input, thresholds: check.thresholds.parse({}) });
}

describe('Warroom itself', () => {
  test('names a host that cannot be reached, after ten seconds', () => {
    expect(judge(connectivity, part('host:a', 'down', 5), part('host:b', 'ok', 50))).toMatchObject([
      { level: 'ok' },
    ]);
    expect(judge(connectivity, part('host:a', 'down', 15), part('host:b', 'ok', 50))).toMatchObject([
      { level: 'critical', certain: true, subject: 'a', advice: 'mend it' },
    ]);
  });
  test('calls itself cut off when nothing answers', () => {
    expect(judge(connectivity, part('host:a', 'down', 15), part('host:b', 'down', 15))[0]?.summary).toContain(
      'Warroom that is cut off',
    );
  });
  test('warns of collectors that fail for long, but not of those whose service does not answer', () => {
    const slow = part('collector:app/app1/stats', 'down', 40, 'app1 did not answer "x" within 4000 ms.');
    const gone = part(
      'collector:app/app2/stats',
      'down',
      40,
      'app2 127.0.0.1:9191 cannot be reached: refused.',
    );
    expect(judge(collectors as typeof connectivity, gone)).toMatchObject([{ level: 'ok' }]);
    expect(judge(collectors as typeof connectivity, gone, slow)).toMatchObject([{ level: 'warn', value: 1 }]);
  });
  test('is certain of a store that takes no writes', () => {
    expect(judge(store as unknown as typeof connectivity, part('store', 'down', 1))).toMatchObject([
      { level: 'critical', certain: true },
    ]);
    expect(judge(store as unknown as typeof connectivity)).toMatchObject([{ level: 'ok' }]);
  });
});
