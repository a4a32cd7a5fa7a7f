import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Short, so that a capped host is slow evenly instead of in visible gaps. */
const PERIOD_US = 50_000;
const V1_CPU = '/sys/fs/cgroup/cpu';
const V1_ACCOUNT = '/sys/fs/cgroup/cpuacct';
const V2 = '/sys/fs/cgroup';

/** CPU groups alone: the memory controller is left to the machine's own accounting. */
export const CGROUP_VERSION: 1 | 2 = existsSync(join(V1_CPU, 'cpu.cfs_quota_us')) ? 1 : 2;

/** Makes the group, or sets its cap anew. False where this machine lets us write no groups: the lab then runs uncapped. */
export function makeCpuGroup(name: string, cores: number): boolean {
  const quota = Math.max(1000, Math.round(cores * PERIOD_US));
  try {
    for (const folder of foldersOf(name)) mkdirSync(folder, { recursive: true });
    if (CGROUP_VERSION === 1) {
      writeFileSync(join(V1_CPU, name, 'cpu.cfs_period_us'), String(PERIOD_US));
      writeFileSync(join(V1_CPU, name, 'cpu.cfs_quota_us'), String(quota));
    } else {
      const subtree = join(V2, 'cgroup.subtree_control');
      if (!/\bcpu\b/.test(readFileSync(subtree, 'utf8'))) writeFileSync(subtree, '+cpu');
      writeFileSync(join(V2, name, 'cpu.max'), `${quota} ${PERIOD_US}`);
    }
    return true;
  } catch {
    // A container without the right to make groups. What was made before the refusal goes again.
    dropCpuGroup(name);
    return false;
  }
}

/** Folders of the group that exist; the first is the one with the cap. */
export function cpuGroup(name: string): string[] {
  return foldersOf(name).filter((folder) => existsSync(join(folder, 'cgroup.procs')));
}

/** False while processes are still in it. */
export function dropCpuGroup(name: string): boolean {
  try {
    for (const folder of cpuGroup(name)) rmdirSync(folder);
    return true;
  } catch {
    return false;
  }
}

/** Seconds of CPU that the group has used; undefined without groups. */
export function cpuSeconds(name: string): number | undefined {
  const v1 = join(V1_ACCOUNT, name, 'cpuacct.usage');
  if (existsSync(v1)) return Number(readFileSync(v1, 'utf8')) / 1e9;
  const v2 = join(V2, name, 'cpu.stat');
  if (!existsSync(v2)) return undefined;
  const used = /usage_usec (\d+)/.exec(readFileSync(v2, 'utf8'))?.[1];
  return used === undefined ? undefined : Number(used) / 1e6;
}

/**
 * Shell lines for a host's first process: it sees its own group as the root of its cgroup tree, as in a container,
 * so that whoever reads the quota there reads the host's.
 */
export function cpuGroupView(name: string): string {
  const [own] = cpuGroup(name);
  if (own === undefined) return 'mount -t sysfs sysfs /sys';
  const root = '/sys/fs/cgroup';
  const lines = [`mount --bind ${own} /media`, 'mount -t sysfs sysfs /sys'];
  if (CGROUP_VERSION === 1)
    lines.push(
      `mount -t tmpfs -o mode=755 none ${root}`,
      `mkdir ${root}/cpu`,
      `mount --bind /media ${root}/cpu`,
    );
  else lines.push(`mount --bind /media ${root}`);
  return [...lines, 'umount /media'].join('\n');
}

function foldersOf(name: string): string[] {
  return CGROUP_VERSION === 1 ? [join(V1_CPU, name), join(V1_ACCOUNT, name)] : [join(V2, name)];
}
