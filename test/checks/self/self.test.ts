import { describe, expect, test } from 'vitest';
import { chat, collectors, connectivity, outbox, store } from '../../../src/checks/self/checks.ts';
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
  test('says what to do about a host even where its part does not', () => {
    const { mend: _, ...silent } = part('host:a', 'down', 15);
    expect(judge(connectivity, silent, part('host:b', 'ok', 50))[0]?.advice).toMatch(/ssh .*a/);
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
  test('calls a chat that is down critical with its mend, and leaves a missing right to the set-up card', () => {
    const judged = (...parts: PartHealth[]) => judge(chat as unknown as typeof connectivity, ...parts);
    expect(judged(part('chat:slack/socket', 'down', 10))).toMatchObject([{ level: 'ok' }]);
    expect(judged(part('chat:slack/socket', 'down', 30), part('chat:discord', 'ok', 99))).toMatchObject([
      { level: 'critical', certain: true, subject: 'slack', advice: 'mend it' },
    ]);
    expect(judged(part('chat:slack/pin', 'degraded', 300))).toMatchObject([{ level: 'ok' }]);
    const { mend: _, ...disturbed } = part('chat:slack', 'degraded', 70);
    expect(judged(disturbed)).toMatchObject([{ level: 'warn', subject: 'slack' }]);
    expect(
      judge(outbox as unknown as typeof connectivity, part('outbox:slack', 'degraded', 1)),
    ).toMatchObject([{ level: 'warn' }]);
  });
  test('is certain of a store that takes no writes', () => {
    expect(judge(store as unknown as typeof connectivity, part('store', 'down', 1))).toMatchObject([
      { level: 'critical', certain: true },
    ]);
    expect(judge(store as unknown as typeof connectivity)).toMatchObject([{ level: 'ok' }]);
  });
  test('names what cannot be written, where, and how to look', () => {
    const { mend: _, ...full } = part('store:lease', 'down', 9, 'database or disk is full');
    expect(judge(store as unknown as typeof connectivity, full)).toMatchObject([
      {
        evidence: [{ kind: 'table', rows: [['lease', 'down', '9 s', 'database or disk is full', '']] }],
        advice: expect.stringMatching(/df -h \S+; ls -ld \S+/),
      },
    ]);
  });
});
