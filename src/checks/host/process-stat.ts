import { detached } from './sections.ts';

/**
 * USER_HZ. proc(5) counts in clock ticks; the kernel fixes them at 100 for programs on every architecture that
 * servers have (asm-generic/param.h), so a `getconf` in each round would only cost.
 */
export const TICKS_PER_SECOND = 100;

export interface ProcessStat {
  readonly pid: number;
  readonly name: string;
  readonly state: string;
  /** utime + stime. */
  readonly ticks: number;
  readonly threads: number;
  /** Ticks after the kernel's start; with the pid it names a process for good. */
  readonly startTicks: number;
  /** Roughly, in pages: good enough to find the big ones. */
  readonly residentPages: number;
}

/** One line of /proc/PID/stat or /proc/PID/task/TID/stat; undefined when it is none. A name may hold anything, also `)`. */
export function parseStat(line: string): ProcessStat | undefined {
  const open = line.indexOf('(');
  const close = line.lastIndexOf(')');
  if (open < 1 || close < open) return undefined;
  const pid = Number(line.slice(0, open).trim());
  const field = fieldsAfter(line, close + 1);
  const count = (number: number) => {
    const text = field(number);
    return text === '' ? Number.NaN : Number(text);
  };
  const stat = {
    pid,
    name: detached(line.slice(open + 1, close)),
    state: field(3),
    ticks: count(14) + count(15),
    threads: count(20),
    startTicks: count(22),
    residentPages: count(24),
  };
  const whole = [pid, stat.ticks, stat.threads, stat.startTicks, stat.residentPages].every(
    (value) => Number.isSafeInteger(value) && value >= 0,
  );
  return whole && /^[A-Za-z]$/.test(stat.state) ? stat : undefined;
}

/** proc(5), numbered from 1, the name being 2: asked for in rising order, and no text is made of those between. */
function fieldsAfter(line: string, from: number): (number: number) => string {
  let [at, current] = [from, 2];
  return (number) => {
    for (; current < number; current += 1) {
      while (line[at] !== ' ' && at < line.length) at += 1;
      while (line[at] === ' ') at += 1;
    }
    const end = line.indexOf(' ', at);
    return line.slice(at, end < 0 ? line.length : end);
  };
}

/**
 * Lines of many processes. A name with a line break spoils its own process only: the lines that are none are
 * counted, not used.
 */
export function parseStats(text: string): { processes: Map<number, ProcessStat>; spoiled: number } {
  const processes = new Map<number, ProcessStat>();
  let spoiled = 0;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const stat = parseStat(line);
    if (stat) processes.set(stat.pid, stat);
    else spoiled += 1;
  }
  return { processes, spoiled };
}

export interface Use {
  readonly cores: number;
  readonly seconds: number;
}

/**
 * Cores that a process or thread used between two looks, or since its own start when that was after the first.
 * Undefined when it cannot be told: a pid that was given anew, or a start only a moment ago.
 */
export function useOf(
  before: ProcessStat | undefined,
  now: ProcessStat,
  uptime: { readonly before: number; readonly now: number },
): Use | undefined {
  const same = before?.startTicks === now.startTicks ? before : undefined;
  const started = now.startTicks / TICKS_PER_SECOND;
  // One that was there at the first look, but not looked at, has used its ticks at an unknown time.
  if (!same && started < uptime.before) return undefined;
  const seconds = uptime.now - (same ? uptime.before : started);
  const ticks = now.ticks - (same?.ticks ?? 0);
  if (seconds < SHORTEST_SECONDS || ticks < 0) return undefined;
  return { cores: ticks / TICKS_PER_SECOND / seconds, seconds };
}

/** Under that, one tick more or less is too much of the whole. */
const SHORTEST_SECONDS = 0.5;
