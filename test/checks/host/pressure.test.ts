import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Target } from '../../../src/targets/contract.ts';
import { answersOf, FIXTURES, judge, play, replayed } from './replay.ts';

/**
 * What no test may do to a machine that others use: its recordings, changed as the kernel would write them. The two
 * looks are five seconds apart.
 */
const all = answersOf(join(FIXTURES, 'debian-12-6.18', 'idle'));
/** Facts, the processes in between, facts again. */
const looks = [0, 2, 3, 5].map((i) => all[i] as string);

async function findings(check: string, change: (text: string, i: number) => string) {
  const host: Target = replayed(looks, (text, i) => change(text, Math.min(i, 1)));
  const seen = await play(host, ['facts', 'processes', 'facts']);
  return judge(seen).filter((finding) => finding.check === check);
}

const counter = (name: string, before: number, now: number) => (text: string, i: number) =>
  text.replace(new RegExp(`^${name} \\d+`, 'm'), `${name} ${i === 0 ? before : now}`);

describe('a host that swaps', () => {
  const swapping = (pages: number) => (text: string, i: number) =>
    counter(
      'pswpout',
      5000,
      5000 + pages,
    )(counter('pswpin', 7000, 7000 + pages)(text, i), i).replace(
      /^SwapTotal:\s+\d+/m,
      'SwapTotal:       2097148',
    );

  test.each([
    [10, 'ok', true],
    [60, 'ok', false],
    [500, 'warn', false],
    [50_000, 'critical', false],
  ])('%i pages in and as many out: %s, cleared %s', async (pages, level, cleared) => {
    const [found] = await findings('host.swap', swapping(pages));
    expect(found).toMatchObject({ level, cleared, unit: 'pages/s' });
    expect(found?.summary).toMatch(/pages\/s move in and out of swap \(limit (25|2500) pages\/s\)|\(limit/);
    if (level === 'ok') return;
    // Whose memory it is.
    expect(JSON.stringify(found?.evidence)).toMatch(/"Who uses the memory".*"python3 -m http\.server 8000"/);
    expect(found?.advice).toContain('More memory');
  });
});

describe('a host that waits for its disks', () => {
  /** user nice system idle iowait irq softirq steal: so many of 1000 ticks. */
  const waiting = (iowait: number, psi: number) => (text: string, i: number) =>
    text
      .replace(/^cpu .*$/m, `cpu  ${i * 100} 0 0 ${i * (900 - iowait)} ${i * iowait} 0 0 0 0 0`)
      .replace(
        /(==> \/proc\/pressure\/io <==\n)some avg10=[\d.]+/,
        (_, head: string) => `${head}some avg10=${psi.toFixed(2)}`,
      );

  test.each([
    [20, 20, 'ok', true],
    [40, 20, 'ok', false],
    [100, 20, 'warn', false],
    [500, 60, 'critical', false],
    // Nobody felt it: an idle core would have waited anyhow.
    [100, 1, 'ok', false],
  ])('%i of 1000 ticks, pressure %i %%: %s, cleared %s', async (ticks, psi, level, cleared) => {
    const [found] = await findings('host.iowait', waiting(ticks, psi));
    expect(found).toMatchObject({ level, cleared, value: ticks / 1000, unit: 'share' });
    if (level === 'ok') return;
    expect(JSON.stringify(found?.evidence)).toMatch(/"Disks".*"vd[a-z]"/);
    expect(found?.advice).toContain('who reads and writes');
  });
});

describe('a program that accepts nobody', () => {
  const full =
    'tcp   129    128      0.0.0.0:8000       0.0.0.0:*\nu_str 0      10     /run/app.sock 15 * 0\nend\n';

  test('its queue is named, and how to see whose it is', async () => {
    const answers = [all[0] as string, full, all[5] as string];
    const seen = await play(replayed(answers), ['facts', 'sockets', 'facts']);
    const found = judge(seen).find((finding) => finding.check === 'host.backlog');
    expect(found).toMatchObject({ level: 'critical', value: 129 / 128 });
    expect(found?.advice).toContain('ss -tlnp "sport = :8000"');
    const unix = [answers[0] as string, full.replace('u_str 0 ', 'u_str 30'), answers[2] as string];
    const other = judge(await play(replayed(unix), ['facts', 'sockets', 'facts'])).find(
      (finding) => finding.check === 'host.backlog',
    );
    expect(other?.advice).toContain('ss -xlp "src /run/app.sock"');
  });
});
