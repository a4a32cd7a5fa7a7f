import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ACTOR, READER, writeAccounts, writeSshd } from './accounts.ts';
import { cpuGroup, cpuGroupView, dropCpuGroup } from './cgroup.ts';
import { dropNamespace, namespaceFile } from './network.ts';
import { address, namespace, type PlannedHost } from './plan.ts';
import { connects, daemon, PATH, until } from './run.ts';

/** A folder of the host's own, shown at a path of the system. */
export type Bind = readonly [own: string, path: string];

/** What every host has of its own; the servers add theirs. */
const BINDS: readonly Bind[] = [
  ['ssh', '/etc/ssh'],
  ['log', '/var/log'],
  ['home', '/home'],
];

export function hostDir(root: string, host: string): string {
  return join(root, 'hosts', host);
}

/** Writes the host's files, `hosts` being all that are up; its namespace and CPU group exist already. */
export function writeHost(
  root: string,
  number: number,
  host: PlannedHost,
  hosts: readonly PlannedHost[],
  binds: readonly Bind[],
): void {
  const dir = hostDir(root, host.name);
  const own = [...BINDS, ...binds];
  for (const sub of ['etc', `home/${READER}`, `home/${ACTOR}`, ...own.map(([name]) => name)])
    mkdirSync(join(dir, sub), { recursive: true, mode: 0o755 });
  writeAccounts(join(dir, 'etc'));
  writeSshd(root, host.name);
  const neighbours = hosts.map((one) => `${address(number, one.last)} ${one.name}`);
  writeFileSync(join(dir, 'etc', 'hosts'), `127.0.0.1 localhost\n${neighbours.join('\n')}\n`);
  writeFileSync(join(dir, 'boot.sh'), bootScript(root, number, host.name, own));
}

/** Starts the host's first process in its kept namespace and waits for its sshd; gives that process's pid. */
export async function bootHost(root: string, number: number, host: PlannedHost): Promise<number> {
  const dir = hostDir(root, host.name);
  const ready = join(dir, 'ready');
  rmSync(ready, { force: true });
  const unshare = ['unshare', '-m', '-u', '-i', '-p', '-C', '-f', '--mount-proc', '--kill-child'];
  const outer = daemon(
    inGroup(namespace(number, host.name), [
      ...inNetwork(number, host.name),
      ...unshare,
      'sh',
      join(dir, 'boot.sh'),
    ]),
    join(dir, 'boot.log'),
  );
  const failed = () => !existsSync(`/proc/${outer}`);
  const sshd = address(number, host.last);
  await until(`${host.name}'s sshd`, async () => {
    if (failed())
      throw new Error(`${host.name} did not boot: ${readFileSync(join(dir, 'boot.log'), 'utf8').trim()}`);
    return existsSync(ready) && (await connects(sshd, 22));
  });
  const first = childOf(outer);
  if (first === undefined) throw new Error(`${host.name} has no first process.`);
  return first;
}

/** Command line that runs inside a host as root; capped, unless it prepares the host from outside. Absolute paths. */
export function inHost(
  number: number,
  host: string,
  first: number,
  argv: readonly string[],
  options: { readonly group?: string } = {},
): string[] {
  const enter = ['nsenter', '-t', String(first), '-m', '-u', '-i', '-n', '-p', '-C', '--', ...argv];
  return inGroup(options.group ?? namespace(number, host), enter);
}

/** Command line that runs with the host's address, on the machine's files. */
export function inNetwork(number: number, host: string): string[] {
  return ['nsenter', `--net=${namespaceFile(number, host)}`];
}

/** The shell that starts it goes into the group first, so that everything below it is in there. */
export function inGroup(group: string, argv: readonly string[]): string[] {
  const folders = cpuGroup(group);
  if (folders.length === 0) return [...argv];
  const join = folders.map((folder) => `echo $$ > ${folder}/cgroup.procs`).join(' && ');
  return ['sh', '-c', `${join} && exec "$@"`, 'sh', ...argv];
}

export async function dropHost(number: number, host: string): Promise<void> {
  await dropNamespace(number, host);
  const groups = [namespace(number, host), sideGroup(number, host)];
  await until(`the end of ${host}'s CPU group`, () => groups.every(dropCpuGroup), 5_000);
}

/** A second group of a host, for what must not take its share from the host's servers. */
export function sideGroup(number: number, host: string): string {
  return `${namespace(number, host)}-side`;
}

/** First process of a host: private mounts, sshd, then it only reaps. */
function bootScript(root: string, number: number, host: string, binds: readonly Bind[]): string {
  const files = ['passwd', 'shadow', 'group', 'hosts'];
  return `set -e
export PATH=${PATH} HOME=/root LC_ALL=C.UTF-8
hostname ${host}
mount --make-rprivate /
${cpuGroupView(namespace(number, host))}
# The lab's folder may lie under a path that is covered next.
mount --bind '${root}' /media
own=/media/hosts/${host}
${files.map((file) => `mount --bind $own/etc/${file} /etc/${file}`).join('\n')}
${binds.map(([own, path]) => `mount --bind $own/${own} ${path}`).join('\n')}
mount --bind /media/site /srv
mount -t tmpfs -o mode=755 none /run
mount -t tmpfs -o mode=700 none /root
for shared in /dev/shm /tmp /var/tmp; do mount -t tmpfs -o mode=1777 none $shared; done
cd /
mkdir -p /run/sshd
setsid -f /usr/sbin/sshd -D -E /var/log/sshd.log -f /etc/ssh/sshd_config
touch $own/ready
umount /media
# Pid 1 of the host: it outlives everything, and reaps what is left to it.
set +e
trap '' HUP INT TERM
while :; do sleep 86400 & wait $!; done
`;
}

function childOf(pid: number): number | undefined {
  const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  return child ? Number(child) : undefined;
}
