import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Reading } from '../../../src/checks/contract.ts';
import { host } from '../../../src/checks/host/index.ts';
import { instanceView } from '../../../src/schedule/judging.ts';
import { recordings, resultsOf } from './record.ts';
import { answersOf, FIXTURES, judge, place, play, replayed } from './replay.ts';

const recorded = (name: string) => answersOf(join(FIXTURES, 'debian-12-6.18', name));
const metrics = (readings: readonly Reading[]) => readings.map((reading) => reading.metric);
const RATES = ['host.cpu_busy', 'host.iowait_share', 'host.swap_moving', 'host.listen_overflows'];

describe('recordings of real hosts', () => {
  // After a change that is meant: npx tsx test/checks/host/record.ts, and review the difference.
  it.each(recordings())('gives the expected readings, facts and findings: %s', async (name) => {
    const folder = join(FIXTURES, name);
    expect(await resultsOf(folder)).toBe(readFileSync(join(folder, 'expected.json'), 'utf8'));
  });

  it('names the process that holds a core, and blanks its password', async () => {
    const seen = await play(replayed(recorded('busy-process')));
    const bad = judge(seen).filter((finding) => finding.check === 'host.pinned-core');
    expect(bad).toMatchObject([{ subject: 'sh-7', level: 'warn', unit: 'cores' }]);
    expect(JSON.stringify(bad[0]?.evidence)).toContain('while :; do :; done report --password …');
    expect(JSON.stringify(seen)).not.toContain('hunter2');
  });

  it('finds nothing wrong with a quiet host', async () => {
    // The machine that was recorded had other work to do; the load average alone shows it.
    const seen = await play(
      replayed(recorded('idle'), (text) => text.replace(/(==> \/proc\/loadavg <==\n)\S+ \S+/, '$10.40 0.35')),
    );
    expect(
      judge(seen).map(({ check, level, basis, cleared }) => `${check} ${level} ${basis} ${cleared}`),
    ).toEqual(host.checks.map((check) => `${check.id} ok enough true`));
    expect(host.figures([instanceView('web1', 0, seen.readings, seen.facts)])).toMatch(
      /^CPU \d.* % of 2 cores, .* GiB of .* GiB free$/,
    );
  });

  it('looks into the threads of a busy process', async () => {
    const seen = await play(replayed(recorded('busy-thread')));
    const [finding] = judge(seen).filter((one) => one.check === 'host.pinned-core');
    expect(finding?.summary).toMatch(/^One thread of python3 \(process 7\) holds 99 % of one core/);
  });

  it('says thin, not ok, before there are two rounds', async () => {
    const seen = await play(replayed(recorded('busy-process')), ['facts']);
    expect(judge(seen).map(({ check, level, basis, cleared }) => [check, level, basis, cleared])).toEqual([
      ['host.load', 'critical', 'enough', false],
      ['host.pinned-core', 'ok', 'thin', false],
      ['host.swap', 'ok', 'thin', false],
      ['host.oom', 'ok', 'enough', true],
      ['host.python-memory', 'ok', 'thin', false],
      ['host.cache-uses-memory', 'ok', 'enough', true],
      ['host.iowait', 'ok', 'thin', false],
      ['host.disk', 'ok', 'thin', false],
      ['host.backlog', 'ok', 'thin', false],
    ]);
  });

  it('gives no verdict on what belongs to a kernel that other hosts share', async () => {
    const seen = await play(replayed(recorded('busy-process')));
    const checks = judge(seen, 'shared').map((finding) => finding.check);
    expect(checks).toEqual([
      'host.pinned-core',
      'host.python-memory',
      'host.cache-uses-memory',
      'host.disk',
      'host.backlog',
    ]);
  });
});

describe('what does not fit together', () => {
  it.each(['facts', 'sockets', 'processes', 'disks'])('is a bad answer when cut anywhere: %s', async (id) => {
    const at = { facts: 0, sockets: 1, processes: 2, disks: 4 }[id] as number;
    const whole = recorded('busy-process')[at] as string;
    for (const share of [0, 0.01, 0.3, 0.7, 0.999]) {
      const cut = whole.slice(0, Math.floor(whole.length * share));
      await expect(play(replayed([cut, cut, cut]), [id])).rejects.toMatchObject({ code: 'BAD_ANSWER' });
    }
  });

  it('gives no rates over a reboot, when counters begin again', async () => {
    const all = recorded('busy-process');
    const [first, later] = [all[0] as string, all[5] as string];
    const rebooted = await play(replayed([later, first]), ['facts', 'facts']);
    expect(metrics(rebooted.readings)).toContain('host.load1');
    expect(metrics(rebooted.readings)).not.toEqual(
      expect.arrayContaining([expect.stringMatching(RATES.join('|'))]),
    );
    const forward = await play(replayed([first, later]), ['facts', 'facts']);
    expect(metrics(forward.readings)).toEqual(expect.arrayContaining(RATES));
  });

  it('gives the same rates when the clock of the host is set back', async () => {
    const all = recorded('busy-process');
    const pair = [all[0] as string, all[5] as string];
    const rounds = ['facts', 'facts'];
    const back = await play(
      replayed(pair, (text, i) => (i === 1 ? text.replace(/^\d{10}/, '1700000000') : text)),
      rounds,
    );
    const straight = await play(replayed(pair), rounds);
    const rates = (seen: typeof back) => seen.readings.filter((one) => RATES.includes(one.metric));
    expect(rates(back)).toEqual(rates(straight));
  });

  it('leaves out what a counter that went back would say', async () => {
    const all = recorded('busy-process');
    const pair = [all[0] as string, all[5] as string];
    const seen = await play(
      replayed(pair, (text, i) => (i === 0 ? text.replace(/^pswpin \d+/m, 'pswpin 999999999') : text)),
      ['facts', 'facts'],
    );
    expect(metrics(seen.readings)).not.toContain('host.swap_moving');
    expect(metrics(seen.readings)).toContain('host.cpu_busy');
  });
});

describe('a container with a quota', () => {
  const all = recorded('busy-process');
  const withQuota = (cores: string) => (text: string) =>
    text.replace('==> /processes <==', `==> /sys/fs/cgroup/cpu.max <==\n${cores} 100000\n==> /processes <==`);

  it('has as many cores as its quota, and is judged against it', async () => {
    const seen = await play(replayed([all[0] as string, all[5] as string], withQuota('100000')), [
      'facts',
      'facts',
    ]);
    expect(seen.readings).toContainEqual({ metric: 'host.cores', value: 1, unit: 'cores' });
    expect(seen.facts['cpu']).toMatchObject({ cores: 1, kernelCores: 2, limitedBy: 'quota' });
    const small = await play(replayed([all[0] as string, all[5] as string], withQuota('20000')), [
      'facts',
      'facts',
    ]);
    const [finding] = judge(small).filter((one) => one.check === 'host.pinned-core');
    expect(finding).toMatchObject({ level: 'warn', threshold: 0.95 * 0.2 });
    expect(finding?.summary).toContain('of the 0.2 cores of its quota');
    expect(place.system).toBe('host');
  });

  it('takes "max" for no quota', async () => {
    const seen = await play(replayed([all[0] as string], withQuota('max')), ['facts']);
    expect(seen.facts['cpu']).toMatchObject({ cores: 2, limitedBy: 'nothing' });
  });
});
