import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Target } from '../../../src/targets/contract.ts';
import { answersOf, FIXTURES, judge, play, replayed } from './replay.ts';

/**
 * What no test may do to a machine that others use: its recordings, changed as the kernel would write them. The two
 * looks are five seconds apart.
 */
const all = answersOf(join(FIXTURES, 'debian-12-6.18', 'idle'));
const pair = [all[0] as string, all[5] as string];

async function findings(check: string, change: (text: string, i: number) => string) {
  const host: Target = replayed(pair, change);
  const seen = await play(host, ['facts', 'facts']);
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
  });
});
