import type { Measured, Reading, Timed, Unit } from '../contract.ts';
import { growth } from '../rate.ts';
import type { DisksSnapshot, SocketsSnapshot } from './collect.ts';
import type { FactsSnapshot } from './collect-facts.ts';
import type { ProcessesSnapshot } from './collect-processes.ts';
import type { BusyProcess, CpuFacts, Device, HostFacts } from './facts.ts';
import { TICKS_PER_SECOND, useOf } from './process-stat.ts';

/** Pairs further apart say nothing of now. */
const LONGEST_GAP_S = 120;
const BUSIEST = 15;
const SECTOR_BYTES = 512;

/** Two looks of one kernel run; undefined after a reboot, a gap, or at the first look. */
interface Pair {
  readonly before: FactsSnapshot;
  readonly now: FactsSnapshot;
  /** By the kernel's own clock, which nobody sets back. */
  readonly seconds: number;
}

function pairOf(previous: Timed<FactsSnapshot> | undefined, now: FactsSnapshot): Pair | undefined {
  const before = previous?.snapshot;
  const seconds = before ? now.uptime - before.uptime : 0;
  return before && seconds > 0 && seconds <= LONGEST_GAP_S ? { before, now, seconds } : undefined;
}

export function measureFacts(
  previous: Timed<FactsSnapshot> | undefined,
  { snapshot: now }: Timed<FactsSnapshot>,
): Measured<HostFacts> {
  const pair = pairOf(previous, now);
  const cpu = cpuFacts(now);
  const busiest = pair ? busyProcesses(pair) : undefined;
  const devices = pair ? devicesOf(pair) : undefined;
  const readings = [
    reading('host.load1', now.load[0], 'count'),
    reading('host.load5', now.load[1], 'count'),
    reading('host.cores', cpu.cores, 'cores'),
    reading('host.kernel_cores', cpu.kernelCores, 'cores'),
    ...memoryReadings(now),
    reading('host.psi_cpu', now.pressure.cpu, 'share'),
    reading('host.psi_io', now.pressure.io, 'share'),
    reading('host.psi_memory', now.pressure.memory, 'share'),
    reading('host.oom_kills_total', now.oom.kernel, 'count', { of: 'kernel' }),
    reading('host.oom_kills_total', now.oom.group, 'count', { of: 'container' }),
    reading('host.clock_offset', now.clockOffset, 's'),
    ...(pair ? rates(pair, cpu) : []),
    ...(devices ?? []).map((device) =>
      reading('host.disk_busy_share', device.busyShare, 'share', { device: device.name }),
    ),
  ].filter((one) => one !== undefined);
  const kills = now.oom.kills.map(({ uptime, ...kill }) => ({
    ...kill,
    secondsAgo: Math.max(0, Math.round(now.uptime - uptime)),
  }));
  return {
    readings,
    facts: {
      cpu,
      kills,
      killsUnnamed: now.oom.unnamed === true,
      ...(busiest ? { busiest } : {}),
      ...(devices ? { devices } : {}),
    },
  };
}

function reading(
  metric: string,
  value: number | undefined,
  unit: Unit,
  labels?: Readonly<Record<string, string>>,
): Reading | undefined {
  if (value === undefined || !Number.isFinite(value)) return undefined;
  return { metric, value, unit, ...(labels ? { labels } : {}) };
}

function cpuFacts(now: FactsSnapshot): CpuFacts {
  const { quotaCores = Number.POSITIVE_INFINITY } = now.group;
  const cores = Math.min(now.kernelCores, now.allowedCores, quotaCores);
  const limitedBy = cores === quotaCores ? 'quota' : cores < now.kernelCores ? 'cpuset' : 'nothing';
  const { kernelCores, running, blocked } = now;
  return { cores, kernelCores, limitedBy, running, blocked };
}

function memoryReadings({ memory }: FactsSnapshot): (Reading | undefined)[] {
  const bytes = (name: Parameters<typeof memory.get>[0]) => {
    const kilobytes = memory.get(name);
    return kilobytes === undefined ? undefined : kilobytes * 1024;
  };
  const swap = bytes('SwapTotal');
  return [
    reading('host.memory_total', bytes('MemTotal'), 'B'),
    reading('host.memory_available', bytes('MemAvailable'), 'B'),
    reading('host.swap_total', swap, 'B'),
    reading('host.swap_used', swap === undefined ? undefined : swap - (bytes('SwapFree') ?? swap), 'B'),
  ];
}

function rates(pair: Pair, cpu: CpuFacts): (Reading | undefined)[] {
  const { before, now, seconds } = pair;
  const vm = (name: Parameters<typeof now.vm.get>[0]) => growth(before.vm.get(name), now.vm.get(name));
  const perSecond = (grown: number | undefined) => (grown === undefined ? undefined : grown / seconds);
  const ticks = growth(before.cpu.total, now.cpu.total);
  // Idle and iowait of the kernel may go back a little by themselves (proc(5)): then there is no share this time.
  const ofTicks = (part: number | undefined) =>
    ticks && part !== undefined ? Math.min(1, part / ticks) : undefined;
  const swapped = [vm('pswpin'), vm('pswpout')];
  const periods = growth(before.group.periods, now.group.periods);
  const throttled = growth(before.group.throttled, now.group.throttled);
  return [
    reading('host.cpu_busy', cpuBusy(pair, cpu), 'cores'),
    reading('host.iowait_share', ofTicks(growth(before.cpu.iowait, now.cpu.iowait)), 'share'),
    reading('host.steal_share', ofTicks(growth(before.cpu.steal, now.cpu.steal)), 'share'),
    reading(
      'host.swap_moving',
      swapped.includes(undefined) ? undefined : perSecond((swapped[0] ?? 0) + (swapped[1] ?? 0)),
      'pages/s',
    ),
    reading('host.oom_kills', vm('oom_kill'), 'count'),
    reading('host.listen_overflows', perSecond(growth(before.listenOverflows, now.listenOverflows)), '/s'),
    reading(
      'host.throttled_share',
      cpu.limitedBy === 'quota' && periods && throttled !== undefined
        ? Math.min(1, throttled / periods)
        : undefined,
      'share',
    ),
  ];
}

/**
 * Cores in use. Under a quota those of the group alone, for /proc/stat is the whole machine's: by the group's own
 * counter, or where that is not to be seen by what its processes used (short-lived ones are missed then).
 */
function cpuBusy(
  { before, now, seconds }: Pair,
  { cores, limitedBy, kernelCores }: CpuFacts,
): number | undefined {
  if (limitedBy === 'quota') {
    const used = growth(before.group.usedSeconds, now.group.usedSeconds);
    if (used !== undefined) return used / seconds;
    const sum = uses({ before, now, seconds }).reduce((all, { use }) => all + use.cores, 0);
    return Math.min(sum, cores * 1.1);
  }
  const total = growth(before.cpu.total, now.cpu.total);
  const idle = now.cpu.idle + now.cpu.iowait - before.cpu.idle - before.cpu.iowait;
  if (!total || idle < 0) return undefined;
  return Math.max(0, 1 - idle / total) * kernelCores;
}

function uses({ before, now }: Pair) {
  const uptime = { before: before.uptime, now: now.uptime };
  return [...now.processes.values()].flatMap((process) => {
    const use = useOf(before.processes.get(process.pid), process, uptime);
    return use ? [{ process, use }] : [];
  });
}

function busyProcesses(pair: Pair): BusyProcess[] {
  const { before, now } = pair;
  return uses(pair)
    .filter(({ use }) => use.cores > 0)
    .sort((a, b) => b.use.cores - a.use.cores)
    .slice(0, BUSIEST)
    .map(({ process, use }) => {
      const uptime = { before: before.uptime, now: now.uptime };
      const old = before.threads.get(process.pid);
      const threads = [...(now.threads.get(process.pid)?.values() ?? [])].flatMap(
        (thread) => useOf(old?.get(thread.pid), thread, uptime)?.cores ?? [],
      );
      return {
        pid: process.pid,
        name: process.name,
        state: process.state,
        threads: process.threads,
        startedAt: startOf(now, process.startTicks),
        cpuCores: use.cores,
        measuredSeconds: use.seconds,
        ...(threads.length > 0 ? { threadCores: Math.max(...threads) } : {}),
      };
    });
}

function startOf(now: { readonly clock: number; readonly uptime: number }, startTicks: number): number {
  return Math.round(now.clock - (now.uptime - startTicks / TICKS_PER_SECOND) * 1000);
}

function devicesOf({ before, now, seconds }: Pair): Device[] {
  return [...now.disks].flatMap(([name, disk]) => {
    const old = before.disks.get(name);
    const busy = growth(old?.busyMs, disk.busyMs);
    const read = growth(old?.readSectors, disk.readSectors);
    const written = growth(old?.writtenSectors, disk.writtenSectors);
    if (busy === undefined || read === undefined || written === undefined) return [];
    return [
      {
        name,
        busyShare: Math.min(1, busy / 1000 / seconds),
        readBytesPerSecond: (read * SECTOR_BYTES) / seconds,
        writtenBytesPerSecond: (written * SECTOR_BYTES) / seconds,
      },
    ];
  });
}

export function measureSockets(
  _previous: Timed<SocketsSnapshot> | undefined,
  { snapshot }: Timed<SocketsSnapshot>,
): Measured<HostFacts> {
  const shares = snapshot.listeners.map((one) => (one.backlog > 0 ? one.waiting / one.backlog : 0));
  return {
    readings: [{ metric: 'host.backlog_share', value: Math.max(0, ...shares), unit: 'share' }],
    facts: { listeners: snapshot.listeners },
  };
}

export function measureDisks(
  _previous: Timed<DisksSnapshot> | undefined,
  { snapshot }: Timed<DisksSnapshot>,
): Measured<HostFacts> {
  return {
    readings: snapshot.disks.flatMap(({ mount, usedShare, inodesUsedShare }) =>
      [
        reading('host.disk_used_share', usedShare, 'share', { mount }),
        reading('host.inodes_used_share', inodesUsedShare, 'share', { mount }),
      ].filter((one) => one !== undefined),
    ),
    facts: { disks: snapshot.disks },
  };
}

export function measureProcesses(
  previous: Timed<ProcessesSnapshot> | undefined,
  { snapshot: now }: Timed<ProcessesSnapshot>,
): Measured<HostFacts> {
  const old = previous?.snapshot;
  const seconds = old ? now.uptime - old.uptime : 0;
  const before = old && seconds > 0 && seconds <= LONGEST_GAP_S ? old : undefined;
  const uptime = { before: before?.uptime ?? Number.POSITIVE_INFINITY, now: now.uptime };
  const processes = [...now.chosen].flatMap(([pid, detail]) => {
    const stat = now.all.get(pid);
    if (!stat) return [];
    const use = before && useOf(before.all.get(pid), stat, uptime);
    const { name, state, threads } = stat;
    const startedAt = startOf(now, stat.startTicks);
    return [{ pid, name, state, threads, startedAt, ...detail, ...(use ? { cpuCores: use.cores } : {}) }];
  });
  return { readings: [], facts: { processes: processes.sort((a, b) => memoryOf(b) - memoryOf(a)) } };
}

/** What a process really costs: PSS where it may be read. */
export function memoryOf(process: { readonly residentBytes: number; readonly pssBytes?: number }): number {
  return process.pssBytes ?? process.residentBytes;
}
