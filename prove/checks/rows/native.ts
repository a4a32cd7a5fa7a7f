import type { Lab } from '../../../lab/index.ts';
import { type Finding, identity } from '../../../src/checks/contract.ts';
import type { Bot } from '../../bot.ts';
import { pause } from '../../proof.ts';
import type { Told } from '../row.ts';

export function near(finding: Finding, native: number, tolerance: number, says: string): Told {
  const { level, value = Number.NaN } = finding;
  return { right: level !== 'ok' && Math.abs(value - native) <= tolerance, says, finding };
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** The finding as it is by now, for what was counted over the time that it looks back. */
export async function again(bot: Bot, finding: Finding): Promise<Finding> {
  const findings = await bot.findings();
  return findings.find((one) => identity(one) === identity(finding)) ?? finding;
}

/** By how much counters grow in a few seconds, name by name; and the seconds by this machine's clock. */
export async function grown<K extends string>(
  read: () => Promise<Readonly<Record<K, number>>>,
  seconds: number,
): Promise<Readonly<Record<K, number>> & { readonly seconds: number }> {
  const [first, firstAt] = [await read(), Date.now()];
  await pause(seconds * 1000);
  const [last, lastAt] = [await read(), Date.now()];
  const names = Object.keys(last) as K[];
  const more = Object.fromEntries(names.map((name) => [name, last[name] - first[name]])) as Record<K, number>;
  return { ...more, seconds: (lastAt - firstAt) / 1000 };
}

/** `show stat` of the lab's HAProxy, by server; its frontend is FRONTEND, its backend as a whole BACKEND. */
export async function showStat(lab: Lab): Promise<Map<string, Readonly<Record<string, string>>>> {
  const text = await lab.exec('lb1', ['socat', '-t', '5', '-', 'UNIX-CONNECT:/run/haproxy-user.sock'], {
    input: 'show stat\n',
  });
  const [head = '', ...lines] = text.split('\n').filter((line) => line !== '');
  const names = head.replace(/^# /, '').split(',');
  return new Map(
    lines.map((line) => {
      const row = Object.fromEntries(line.split(',').map((cell, i) => [names[i] ?? '', cell]));
      return [row.svname ?? '', row];
    }),
  );
}

interface UwsgiStats {
  readonly listen_queue: number;
  readonly workers: readonly {
    readonly status: string;
    readonly requests: number;
    readonly exceptions: number;
    readonly running_time: number;
  }[];
}

/** What the uWSGI of each application server that is in use says of itself. */
export async function uwsgiStats(lab: Lab): Promise<UwsgiStats[]> {
  const ask = ['socat', '-u', 'TCP:127.0.0.1:9191', '-'];
  const answers = await Promise.all(['app1', 'app2', 'app3'].map((host) => lab.exec(host, ask)));
  return answers.map((answer) => JSON.parse(answer) as UwsgiStats);
}

/** All their workers' counters, summed; the time in seconds. */
export async function uwsgiTotals(lab: Lab) {
  const sums = { requests: 0, exceptions: 0, running: 0 };
  for (const worker of (await uwsgiStats(lab)).flatMap(({ workers }) => workers)) {
    sums.requests += worker.requests;
    sums.exceptions += worker.exceptions;
    sums.running += worker.running_time / 1e6;
  }
  return sums;
}

/** `STAT name value` lines of a memcached, by name. */
export async function memcachedStats(lab: Lab, host: string, what = ''): Promise<Map<string, number>> {
  const text = await lab.memcached(host, `stats ${what}`.trim());
  return new Map(
    text.split('\r\n').flatMap((line) => {
      const [, name, value] = /^STAT (\S+) (-?[\d.]+)$/.exec(line) ?? [];
      return name === undefined ? [] : [[name, Number(value)] as const];
    }),
  );
}
