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
  // proc(5), numbered from 1: state is field 3, so the first of these.
  const rest = line
    .slice(close + 1)
    .trim()
    .split(' ');
  const field = (number: number) => Number(rest[number - 3]);
  const stat = {
    pid,
    name: line.slice(open + 1, close),
    state: rest[0] ?? '',
    ticks: field(14) + field(15),
    threads: field(20),
    startTicks: field(22),
    residentPages: field(24),
  };
  const whole = [pid, stat.ticks, stat.threads, stat.startTicks, stat.residentPages].every(
    (value) => Number.isSafeInteger(value) && value >= 0,
  );
  return whole && /^[A-Za-z]$/.test(stat.state) ? stat : undefined;
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
