import { sh } from '../../targets/command.ts';
import type { Timed } from '../contract.ts';
import { answer, type Looking } from './answer.ts';
import { collectOom, type OomState, oomCounts } from './oom.ts';
import { type ProcessStat, parseStats, useOf } from './process-stat.ts';
import { badAnswer, countOf, detached, namedNumbers, pairedCounter, pressure, sections } from './sections.ts';

/** A host at one moment: counters since its start, and what is measured now. */
export interface FactsSnapshot {
  /** The host's wall clock, UTC milliseconds; and how far it is ahead of ours, in seconds. */
  readonly clock: number;
  readonly clockOffset: number;
  /** Seconds since the kernel's start: what rates are taken over, for no one sets it. */
  readonly uptime: number;
  readonly load: readonly [number, number, number];
  readonly cpu: CpuTicks;
  readonly running: number;
  readonly blocked: number;
  readonly kernelCores: number;
  readonly allowedCores: number;
  readonly group: CpuGroup;
  /** kB of /proc/meminfo, and counts of /proc/vmstat. */
  readonly memory: ReadonlyMap<(typeof MEMORY)[number], number>;
  readonly vm: ReadonlyMap<(typeof VM)[number], number>;
  readonly disks: ReadonlyMap<string, DiskTicks>;
  readonly pressure: { readonly cpu?: number; readonly io?: number; readonly memory?: number };
  readonly listenOverflows?: number;
  readonly oom: OomState;
  readonly processes: ReadonlyMap<number, ProcessStat>;
  /** Threads of the processes that were busy at this look. */
  readonly threads: ReadonlyMap<number, ReadonlyMap<number, ProcessStat>>;
}

export interface CpuTicks {
  readonly total: number;
  readonly idle: number;
  readonly iowait: number;
  readonly steal: number;
}

/** The cgroup that is the root of what the host sees: a container's own. Nothing of it on a real machine. */
export interface CpuGroup {
  readonly quotaCores?: number;
  readonly usedSeconds?: number;
  readonly periods?: number;
  readonly throttled?: number;
}

export interface DiskTicks {
  readonly readSectors: number;
  readonly writtenSectors: number;
  readonly busyMs: number;
}

/**
 * Everything in three programs; `tail -v` names each file, and leaves out what is not there. For hundreds of small
 * ones grep is the cheapest: it writes in big pieces, where cat writes each by itself, and the shell's connection
 * takes each by itself. Twice is for a live look: two moments a second apart, so that its rates need nobody's earlier
 * snapshot.
 */
function readFacts(times: 'once' | 'twice') {
  return sh`look() {
date +%s%N
tail -v -n +1 /proc/uptime /proc/loadavg /proc/stat /proc/meminfo /proc/vmstat /proc/diskstats /proc/pressure/cpu /proc/pressure/io /proc/pressure/memory /proc/net/netstat /proc/self/status /sys/fs/cgroup/cpu.max /sys/fs/cgroup/cpu.stat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu/cpu.cfs_period_us /sys/fs/cgroup/cpu/cpu.stat /sys/fs/cgroup/cpuacct/cpuacct.usage /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control 2>/dev/null
echo '==> /processes <=='
grep -ash '' /proc/[0-9]*/stat
echo '==> /end <=='
}
look
if [ ${times} = twice ]; then sleep 1; look; fi`;
}
const READ_ONCE = readFacts('once');
const READ_TWICE = readFacts('twice');
const PROCESSES = '==> /processes <==\n';
const END = '==> /end <==\n';

const MEMORY = ['MemTotal', 'MemAvailable', 'SwapTotal', 'SwapFree'] as const;
const VM = ['pswpin', 'pswpout', 'oom_kill'] as const;

const MAX_BYTES = 4 * 1024 * 1024;
/** So busy a process has its threads looked at. */
const BUSY_CORES = 0.8;
const MAX_BUSY = 5;

export async function collectFacts(
  context: Looking,
  previous: Timed<FactsSnapshot> | undefined,
): Promise<FactsSnapshot> {
  const { target, signal } = context;
  const output = await answer(context, READ_ONCE, 'facts');
  const read = parseFacts(output.stdout, target.name, Date.now() - output.ms);
  const before = previous?.snapshot;
  // Counters that went back are another kernel's: its log begins anew.
  const oom = await collectOom(
    context,
    read.oom,
    before && before.uptime <= read.uptime ? before.oom : undefined,
    read.uptime,
  );
  const snapshot = { ...read, oom };
  const busy = busyMany(previous?.snapshot, snapshot);
  if (busy.length === 0) return snapshot;
  const answers = await Promise.all(
    busy.map((pid) =>
      target.read(sh`cd /proc/${pid}/task && cat [0-9]*/stat`, {
        signal,
        timeoutMs: 3000,
        maxBytes: MAX_BYTES,
      }),
    ),
  );
  return {
    ...snapshot,
    threads: new Map(busy.map((pid, i) => [pid, parseStats(answers[i]?.stdout ?? '').processes])),
  };
}

/** Two moments a second apart, for a live look. */
export async function collectTwice(context: Looking): Promise<[FactsSnapshot, FactsSnapshot]> {
  const { stdout, ms } = await answer(context, READ_TWICE, 'two looks', 'exec', 6000);
  const askedAt = Date.now() - ms;
  const cut = stdout.indexOf(END) + END.length;
  const first = parseFacts(stdout.slice(0, cut), context.target.name, askedAt);
  return [first, parseFacts(stdout.slice(cut), context.target.name, askedAt)];
}

/** Busy processes with several threads: whether one of them holds a core is another look. */
function busyMany(previous: FactsSnapshot | undefined, now: FactsSnapshot): number[] {
  if (!previous) return [];
  const uptime = { before: previous.uptime, now: now.uptime };
  return [...now.processes.values()]
    .filter((process) => process.threads > 1)
    .map((process) => ({
      pid: process.pid,
      cores: useOf(previous.processes.get(process.pid), process, uptime)?.cores ?? 0,
    }))
    .filter(({ cores }) => cores >= BUSY_CORES)
    .sort((a, b) => b.cores - a.cores)
    .slice(0, MAX_BUSY)
    .map(({ pid }) => pid);
}

/** `askedAt` is our clock when the host began to answer; its clock was its first word. */
export function parseFacts(text: string, target: string, askedAt: number): FactsSnapshot {
  const fail = (problem: string) => badAnswer(target, 'facts of a Linux host', problem);
  // A process may be named like a header, so its lines are taken by their place.
  const at = text.indexOf(PROCESSES);
  if (at < 0 || !text.endsWith(END)) throw fail('it ends in the middle');
  const files = sections(text.slice(0, at));
  const need = (file: string): string => {
    const content = files.get(file);
    if (content === undefined) throw fail(`${file} is missing`);
    return content;
  };
  const nanoseconds = /^(\d{10})(\d{9}|N|%N)?\n/.exec(text);
  const uptime = Number(/^(\d+\.\d+)/.exec(need('/proc/uptime'))?.[1]);
  const load = need('/proc/loadavg').split(' ').slice(0, 3).map(Number);
  const stat = need('/proc/stat');
  const memory = namedNumbers(need('/proc/meminfo'), MEMORY);
  const { processes } = parseStats(text.slice(at + PROCESSES.length, -END.length));
  const cpu = cpuTicks(stat);
  const kernelCores = (stat.match(/^cpu\d+ /gm) ?? []).length;
  if (!nanoseconds) throw fail('no clock');
  if (!Number.isFinite(uptime)) throw fail('no uptime');
  if (load.length !== 3 || !load.every(Number.isFinite)) throw fail('no load average');
  if (!cpu || kernelCores === 0) throw fail('no CPU times');
  if (!memory.has('MemTotal')) throw fail('no memory');
  const clock =
    Number(nanoseconds[1]) * 1000 + (/^\d+$/.test(nanoseconds[2] ?? '') ? Number(nanoseconds[2]) / 1e6 : 0);
  const counts = namedNumbers(stat, ['procs_running', 'procs_blocked']);
  const vm = namedNumbers(files.get('/proc/vmstat'), VM);
  const status = need('/proc/self/status');
  const overflows = pairedCounter(files.get('/proc/net/netstat'), 'TcpExt', 'ListenOverflows');
  const psi = {
    cpu: pressure(files.get('/proc/pressure/cpu')),
    io: pressure(files.get('/proc/pressure/io')),
    memory: pressure(files.get('/proc/pressure/memory')),
  };
  return {
    clock,
    clockOffset: (clock - askedAt) / 1000,
    uptime,
    load: load as [number, number, number],
    cpu,
    running: counts.get('procs_running') ?? 0,
    blocked: counts.get('procs_blocked') ?? 0,
    kernelCores,
    allowedCores: countOf(/^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1]) ?? kernelCores,
    group: cpuGroup(files),
    memory,
    vm,
    disks: diskTicks(files.get('/proc/diskstats')),
    pressure: given(psi),
    ...given({ listenOverflows: overflows }),
    oom: { ...oomCounts(files, vm), kills: [] },
    processes,
    threads: new Map(),
  };
}

/** user nice system idle iowait irq softirq steal; guest time is within user already (proc(5)). */
function cpuTicks(stat: string): CpuTicks | undefined {
  const ticks = /^cpu +(\d[\d ]*)$/m.exec(stat)?.[1]?.split(' ').slice(0, 8).map(Number) ?? [];
  const [, , , idle, iowait = 0, , , steal = 0] = ticks;
  if (idle === undefined || !ticks.every(Number.isFinite)) return undefined;
  return { total: ticks.reduce((sum, part) => sum + part, 0), idle, iowait, steal };
}

/** cgroup v2, else v1. The root group of a real machine has no quota: v2 has no cpu.max there, v1 says -1. */
function cpuGroup(files: ReadonlyMap<string, string>): CpuGroup {
  const [max, period] = (files.get('/sys/fs/cgroup/cpu.max') ?? '').trim().split(' ').map(Number);
  const v1Quota = Number(files.get('/sys/fs/cgroup/cpu/cpu.cfs_quota_us') ?? Number.NaN);
  const v1Period = Number(files.get('/sys/fs/cgroup/cpu/cpu.cfs_period_us') ?? Number.NaN);
  const v2 = files.has('/sys/fs/cgroup/cpu.max');
  const quota = v2
    ? (max ?? Number.NaN) / (period ?? Number.NaN)
    : v1Quota > 0
      ? v1Quota / v1Period
      : Number.NaN;
  const counts = namedNumbers(files.get(v2 ? '/sys/fs/cgroup/cpu.stat' : '/sys/fs/cgroup/cpu/cpu.stat'), [
    'usage_usec',
    'nr_periods',
    'nr_throttled',
  ]);
  const micro = v2 ? counts.get('usage_usec') : undefined;
  const nano = v2 ? undefined : files.get('/sys/fs/cgroup/cpuacct/cpuacct.usage');
  const used = micro !== undefined ? micro / 1e6 : nano === undefined ? undefined : Number(nano) / 1e9;
  return given({
    quotaCores: Number.isFinite(quota) && quota > 0 ? quota : undefined,
    usedSeconds: used !== undefined && Number.isFinite(used) ? used : undefined,
    periods: counts.get('nr_periods'),
    throttled: counts.get('nr_throttled'),
  });
}

/** Whole disks that were used at all; partitions, loops and memory disks would count twice or not matter. */
function diskTicks(text: string | undefined): Map<string, DiskTicks> {
  const found = new Map<string, DiskTicks>();
  for (const line of (text ?? '').split('\n')) {
    const words = line.trim().split(/ +/);
    const name = words[2] ?? '';
    const [readSectors = Number.NaN, writtenSectors = Number.NaN, busyMs = Number.NaN] = [5, 9, 12].map((i) =>
      Number(words[i]),
    );
    if (!/^((x?v|s|h)d[a-z]+|nvme\d+n\d+|mmcblk\d+|md\d+|dm-\d+)$/.test(name)) continue;
    if (![readSectors, writtenSectors, busyMs].every(Number.isFinite) || readSectors + writtenSectors === 0)
      continue;
    found.set(detached(name), { readSectors, writtenSectors, busyMs });
  }
  return found;
}

/** The fields that are known. */
function given<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
