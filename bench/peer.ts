import { readFileSync } from 'node:fs';
import type { Act } from '../prove/proof.ts';

const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;

/** CPU of a process and of its children that ended, in seconds. */
export function cpuSeconds(pid: number, withChildren = false): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [own = 0, system = 0, children = 0, childrenSystem = 0] = fields.slice(11, 15).map(Number);
  return (own + system + (withChildren ? children + childrenSystem : 0)) / TICKS_PER_SECOND;
}

/** Resident memory of a process in MiB. */
export function residentMiB(pid: number): number {
  return (Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES) / 2 ** 20;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export function percent(part: number): string {
  return `${(part * 100).toFixed(1)} %`;
}

/** A figure against its budget, beside what a peer took in the same run. A missed one says why, and what would mend it. */
export function budget(
  act: Act,
  what: string,
  held: boolean,
  figure: string,
  missed: { readonly because: string; readonly mend: string },
): void {
  act.check(what, held, figure);
  if (!held) act.say(`     missed because ${missed.because}; ${missed.mend} would mend it`);
}
