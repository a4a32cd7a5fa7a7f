/** What is known of a host beside its readings; latest only. */
export interface HostFacts {
  readonly cpu: CpuFacts;
  /** Processes by their use of CPU since the round before, most first; no command lines, every 5 s. */
  readonly busiest: readonly BusyProcess[];
  /** The processes that matter by CPU, memory or language, with their command lines, every 15 s. */
  readonly processes: readonly HostProcess[];
  readonly disks: readonly Disk[];
  readonly devices: readonly Device[];
  readonly listeners: readonly Listener[];
  /** What the kernel killed for memory in the last half hour, newest last. */
  readonly kills: readonly Kill[];
  /** There were kills, and the log of who it was may not be read. */
  readonly killsUnnamed: boolean;
}

export interface Kill {
  readonly pid: number;
  readonly name: string;
  readonly bytes: number;
  readonly why: 'limit of its group' | 'the machine';
  readonly secondsAgo: number;
}

export interface CpuFacts {
  /** Cores that may be used: the kernel's, or fewer by a cgroup quota or CPU set. */
  readonly cores: number;
  /** Cores of the kernel, which the load average counts for. */
  readonly kernelCores: number;
  readonly limitedBy: 'quota' | 'cpuset' | 'nothing';
  /** Processes that run or wait for a core, and those that wait for a disk. */
  readonly running: number;
  readonly blocked: number;
}

export interface BusyProcess {
  readonly pid: number;
  readonly name: string;
  readonly state: string;
  readonly threads: number;
  /** UTC milliseconds by the host's own clock. */
  readonly startedAt: number;
  /** Mean since the round before, or since its start when that is later. */
  readonly cpuCores: number;
  /** The busiest of its threads, where it was looked at. */
  readonly threadCores?: number;
  /** Seconds over which that was measured. */
  readonly measuredSeconds: number;
}

export interface HostProcess {
  readonly pid: number;
  readonly user: string;
  readonly name: string;
  /** Its arguments, with values after password-like flags blank. */
  readonly command: string;
  readonly python: boolean;
  readonly state: string;
  readonly threads: number;
  readonly startedAt: number;
  readonly cpuCores?: number;
  /** RSS: what it shares with its siblings is counted in each of them. */
  readonly residentBytes: number;
  /** Of that, memory that it shares by intent: a database's buffers. Only where it has some. */
  readonly sharedBytes?: number;
  /** PSS: shared pages divided by those who share them. Only where Warroom may read it. */
  readonly pssBytes?: number;
}

export interface Disk {
  readonly mount: string;
  readonly device: string;
  readonly type: string;
  readonly sizeBytes: number;
  readonly availableBytes: number;
  readonly usedShare: number;
  readonly inodesUsedShare?: number;
}

export interface Device {
  readonly name: string;
  readonly busyShare: number;
  readonly readBytesPerSecond: number;
  readonly writtenBytesPerSecond: number;
}

export interface Listener {
  readonly address: string;
  /** Connections that wait to be accepted, and how many may. */
  readonly waiting: number;
  readonly backlog: number;
}
