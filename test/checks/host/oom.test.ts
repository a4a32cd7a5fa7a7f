import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { oom } from '../../../src/checks/host/checks/oom.ts';
import { collectFacts } from '../../../src/checks/host/collect-facts.ts';
import type { HostFacts } from '../../../src/checks/host/facts.ts';
import { measureFacts } from '../../../src/checks/host/measure.ts';
import { parseKills } from '../../../src/checks/host/oom.ts';
import { History } from '../../../src/history/history.ts';
import { instanceView } from '../../../src/schedule/judging.ts';
import { answersOf, FIXTURES, replayed, stack } from './replay.ts';

/** As mm/oom_kill.c writes them since Linux 5.0. */
const MACHINE =
  '[ 1000.500000] Out of memory: Killed process 4242 (python3) total-vm:912345kB, anon-rss:807504kB, file-rss:128kB, shmem-rss:0kB, UID:33 pgtables:1712kB oom_score_adj:0';
const GROUP =
  '[ 1100.250000] Memory cgroup out of memory: Killed process 77 (odd ) name) total-vm:9kB, anon-rss:2048kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:44kB oom_score_adj:-500';
const JOURNAL =
  '[ 1200.000001] web1 kernel: Out of memory: Killed process 9 (java) total-vm:1kB, anon-rss:1kB, file-rss:0kB';

const [recorded] = answersOf(join(FIXTURES, 'debian-12-6.18', 'idle')) as [string];

/** A look at a host that runs for so many seconds and has killed so often; what the log says, when asked. */
function look(uptime: number, kernel: number, log?: string, group?: number) {
  const facts = recorded
    .replace(/(==> \/proc\/uptime <==\n)\d+\.\d+/, `$1${uptime}.00`)
    .replace(/^oom_kill \d+/m, `oom_kill ${kernel}`)
    .replace(
      '==> /processes <==',
      group === undefined
        ? '==> /processes <=='
        : `==> /sys/fs/cgroup/memory.events <==\nlow 0\noom 3\noom_kill ${group}\n==> /processes <==`,
    );
  return replayed(log === undefined ? [facts] : [facts, log]);
}

class Watched {
  readonly history = new History(() => this.at);
  at = 1e12;
  #previous: { at: number; snapshot: Awaited<ReturnType<typeof collectFacts>> } | undefined;

  async round(target: ReturnType<typeof look>, later = 5000) {
    this.at += later;
    const snapshot = await collectFacts({ target, signal: AbortSignal.timeout(5000) }, this.#previous);
    const current = { at: this.at, snapshot };
    const { readings, facts } = measureFacts(this.#previous, current);
    this.#previous = current;
    this.history.write('web1', 'web1', this.at, readings);
    return this.judge(readings, facts);
  }

  judge(readings: Parameters<typeof instanceView>[2], facts: Partial<HostFacts>, target = 'web1') {
    return oom.judge({
      target,
      at: this.at,
      instances: [instanceView('web1', this.at, readings, facts)],
      history: this.history,
      changes: [],
      thresholds: oom.thresholds.parse({}),
      stack,
    });
  }
}

describe('processes killed for memory', () => {
  test('one that is killed while we watch is certain at once, with its name and memory', async () => {
    const host = new Watched();
    expect(await host.round(look(995, 3, ''))).toMatchObject([{ level: 'ok', cleared: true, value: 0 }]);
    const [bad] = await host.round(look(1002, 4, MACHINE));
    expect(bad).toMatchObject({ level: 'critical', certain: true, value: 1, threshold: 1 });
    expect(bad?.summary).toBe(
      '1 process was killed for memory in 30 min (limit 1), the last one python3 (process 4242) with 789 MiB, 2 s ago.',
    );
    expect(JSON.stringify(bad?.evidence)).toContain('"the machine"');
    // It stays for half an hour without another question to the log, and clears then.
    expect(await host.round(look(1007, 4))).toMatchObject([{ level: 'critical' }]);
    expect(await host.round(look(2700, 4), 1_690_000)).toMatchObject([{ level: 'critical' }]);
    expect(await host.round(look(2900, 4), 200_000)).toMatchObject([{ level: 'ok', cleared: true }]);
  });

  test('at the first look the log tells whether it was lately', async () => {
    const lately = await new Watched().round(look(1300, 2, `${MACHINE}\n${GROUP}`));
    expect(lately).toMatchObject([{ level: 'critical', value: 2 }]);
    expect(lately[0]?.advice).toContain('The limit of its unit or container was met');
    expect(await new Watched().round(look(9000, 2, `${MACHINE}\n${GROUP}`))).toMatchObject([{ level: 'ok' }]);
    expect(await new Watched().round(look(9000, 2, ''))).toMatchObject([{ level: 'ok' }]);
  });

  test('where the log may not be read, the count alone tells, and the advice how to see more', async () => {
    const host = new Watched();
    await host.round(look(995, 3, ''));
    const [bad] = await host.round(look(1002, 5, ''));
    expect(bad).toMatchObject({ level: 'critical', value: 2 });
    expect(bad?.advice).toContain('usermod -aG adm');
  });

  test('in a container its own count, not the machine’s', async () => {
    const host = new Watched();
    await host.round(look(995, 3, '', 1));
    expect(await host.round(look(1000, 9, undefined, 1))).toMatchObject([{ level: 'ok' }]);
    expect(await host.round(look(1005, 9, GROUP, 2))).toMatchObject([{ level: 'critical', value: 1 }]);
  });

  test('a reboot begins at 0 again and is no kill', async () => {
    const host = new Watched();
    await host.round(look(90_000, 7, ''));
    expect(await host.round(look(20, 0))).toMatchObject([{ level: 'ok', value: 0 }]);
  });

  test('of hosts that share a kernel, its count is judged on the one that carries it', () => {
    const host = new Watched();
    const readings = [
      { metric: 'host.oom_kills_total', value: 3, unit: 'count' as const, labels: { of: 'kernel' } },
    ];
    expect(host.judge(readings, {}, 'shared')).toEqual([]);
    expect(host.judge([], {})).toMatchObject([{ level: 'ok', basis: 'thin' }]);
  });
});

describe('the kernel log', () => {
  test('both kinds, from the ring buffer and the journal, with any name', () => {
    expect(parseKills([MACHINE, GROUP, JOURNAL, 'nonsense'].join('\n'))).toEqual([
      { uptime: 1000.5, pid: 4242, name: 'python3', bytes: 807504 * 1024, why: 'the machine' },
      { uptime: 1100.25, pid: 77, name: 'odd ) name', bytes: 2048 * 1024, why: 'limit of its group' },
      { uptime: 1200.000001, pid: 9, name: 'java', bytes: 1024, why: 'the machine' },
    ]);
  });

  test('nothing in it makes the parser fail; names are short and without control characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (text, name) => {
        parseKills(text);
        for (const kill of parseKills(MACHINE.replace('python3', name.replace('$', ''))))
          expect(kill.name).toMatch(/^[^\u0000-\u001f\u007f-\u009f]{0,40}$/);
      }),
    );
  });
});
