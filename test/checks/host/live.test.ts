import { spawn } from 'node:child_process';
import { afterAll, expect, it } from 'vitest';
import type { Timed } from '../../../src/checks/contract.ts';
import type { HostProcess } from '../../../src/checks/host/facts.ts';
import { host } from '../../../src/checks/host/index.ts';
import { sh } from '../../../src/targets/command.ts';
import { LocalTarget } from '../../../src/targets/local.ts';
import { noLink } from '../no-link.ts';
import { judge, place } from './replay.ts';

const target = new LocalTarget('web1', 'reading');
afterAll(() => target.close());
const context = () => ({ target, place, signal: AbortSignal.timeout(15_000), link: noLink });

it('agrees with ps about a process, and with df about the disk', async () => {
  // Its name is ours alone, so that it is found among all that runs here.
  const child = spawn('python3', [
    '-c',
    'import time; x = bytearray(320_000_000); time.sleep(60)',
    '--token=hunter2',
  ]);
  try {
    const collector = host.collectors.find((one) => one.id === 'processes');
    const find = async () => {
      const snapshot = await collector?.collect(context(), undefined);
      const facts = collector?.measure(undefined, { at: 0, snapshot }, place).facts as {
        processes: HostProcess[];
      };
      return facts.processes.find((process) => process.pid === child.pid);
    };
    await expect
      .poll(async () => ((await find())?.residentBytes ?? 0) > 320_000_000, { timeout: 30_000 })
      .toBe(true);
    const found = (await find()) as HostProcess;
    const ps = (await target.exec(sh`ps -o rss=,user=,nlwp=,lstart= -p ${child.pid as number}`)).stdout
      .trim()
      .split(/\s+/);
    expect(found.residentBytes / 1024).toBeCloseTo(Number(ps[0]), -3);
    expect([found.user, String(found.threads)]).toEqual(ps.slice(1, 3));
    expect(Math.abs(found.startedAt - Date.parse(ps.slice(3).join(' ')))).toBeLessThan(3000);
    expect(found.command).toContain('--token=…');
    const seen = { readings: [], facts: { processes: [found] } };
    expect(judge(seen).find((one) => one.check === 'host.python-memory')).toMatchObject({
      level: 'warn',
      subject: `${found.name}-${child.pid}`,
    });
  } finally {
    child.kill('SIGKILL');
  }
});

it('reads all of this machine twice, with rates the second time', async () => {
  for (const collector of host.collectors) {
    let previous: Timed<unknown> | undefined;
    for (const at of [0, 5000]) {
      const snapshot = await collector.collect(context(), previous);
      const current = { at, snapshot };
      const { readings } = collector.measure(previous, current, place);
      for (const { value } of readings) expect(Number.isFinite(value)).toBe(true);
      if (collector.id === 'facts' && previous)
        expect(readings.map((one) => one.metric)).toContain('host.cpu_busy');
      previous = current;
    }
  }
});

const OF_PROCESS = ['files', 'syscalls', 'stack'];
it.each(
  host.views.filter((view) => !OF_PROCESS.includes(view.name)).map((view) => [view.name, view] as const),
)('shows a live look: host H %s', async (_, view) => {
  const evidence = await view.show(context(), []);
  expect(evidence.length).toBeGreaterThan(0);
  for (const one of evidence) if (one.kind === 'table') expect(one.rows[0]).toHaveLength(one.columns.length);
});
