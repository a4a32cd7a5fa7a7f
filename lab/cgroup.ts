import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const PERIOD_US = 50_000;
const V1 = '/sys/fs/cgroup/cpu';
const V2 = '/sys/fs/cgroup';

/** Folder of a CPU group on whatever version of cgroups this machine has; undefined where none can be written. */
export function makeCpuGroup(name: string, cores: number): string | undefined {
  const v1 = existsSync(join(V1, 'cpu.cfs_quota_us'));
  const folder = join(v1 ? V1 : V2, name);
  try {
    mkdirSync(folder, { recursive: true });
    const quota = Math.max(1000, Math.round(cores * PERIOD_US));
    if (v1) {
      writeFileSync(join(folder, 'cpu.cfs_period_us'), String(PERIOD_US));
      writeFileSync(join(folder, 'cpu.cfs_quota_us'), String(quota));
    } else {
      if (!readFileSync(join(V2, 'cgroup.subtree_control'), 'utf8').includes('cpu'))
        writeFileSync(join(V2, 'cgroup.subtree_control'), '+cpu');
      writeFileSync(join(folder, 'cpu.max'), `${quota} ${PERIOD_US}`);
    }
    return folder;
  } catch {
    // A container without the right to make groups: the lab works, its faults only show less.
    return undefined;
  }
}

export function cpuGroup(name: string): string | undefined {
  return [join(V1, name), join(V2, name)].find((folder) => existsSync(join(folder, 'cgroup.procs')));
}

export function dropCpuGroup(name: string): boolean {
  const folder = cpuGroup(name);
  if (!folder) return true;
  try {
    rmdirSync(folder);
    return true;
  } catch {
    return false;
  }
}

/** Seconds of CPU that the group used so far. */
export function cpuSeconds(name: string): number {
  const v1 = join('/sys/fs/cgroup/cpuacct', name, 'cpuacct.usage');
  if (existsSync(v1)) return Number(readFileSync(v1, 'utf8')) / 1e9;
  const stat = join(V2, name, 'cpu.stat');
  return existsSync(stat) ? Number(/usage_usec (\d+)/.exec(readFileSync(stat, 'utf8'))?.[1] ?? 0) / 1e6 : 0;
}
