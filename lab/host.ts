import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cpuGroup, dropCpuGroup, makeCpuGroup } from './cgroup.ts';
import { address, HOSTS, namespace, type PlannedHost } from './plan.ts';
import { daemon, run, tried, until } from './run.ts';

/** Accounts that exist inside the hosts only. 5001 reads, 5002 acts. */
const USERS = [
  { name: 'warroom', id: 5001, groups: ['varnish'] },
  { name: 'warroom-act', id: 5002, groups: ['varnish', 'warroom'] },
] as const;

/** Where a host sees the lab's keys and its own folder. */
const INSIDE = { keys: '/run/lab-keys', host: '/run/lab-host' } as const;

export function hostDir(root: string, host: string): string {
  return join(root, 'hosts', host);
}

export function makeBridge(number: number): void {
  run(['ip', 'link', 'add', `wrbr${number}`, 'type', 'bridge']);
  run(['ip', 'addr', 'add', `${address(number, 1)}/24`, 'dev', `wrbr${number}`]);
  run(['ip', 'link', 'set', `wrbr${number}`, 'up']);
}

/** Makes a host: namespace, address, limits, private mounts, sshd. Gives the pid of its first process. */
export async function makeHost(root: string, number: number, host: PlannedHost): Promise<number> {
  const name = namespace(number, host.name);
  const ip = address(number, host.last);
  const link = `wr${number}v${host.last}`;
  // A fixed MAC: a host that is made again must not hide behind the neighbours' old ARP entries.
  const mac = `02:77:00:${hex(number)}:00:${hex(host.last)}`;
  run(['ip', 'netns', 'add', name]);
  run(['ip', 'link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'address', mac, 'netns', name]);
  run(['ip', 'link', 'set', link, 'master', `wrbr${number}`, 'up']);
  run(['ip', '-n', name, 'addr', 'add', `${ip}/24`, 'dev', 'eth0']);
  for (const device of ['lo', 'eth0']) run(['ip', '-n', name, 'link', 'set', device, 'up']);
  run(['ip', '-n', name, 'route', 'add', 'default', 'via', address(number, 1)]);
  makeCpuGroup(name, host.cores);
  writeFiles(root, number, host);
  return bootHost(root, number, host.name);
}

/** Starts the host's first process in its kept namespace, and waits for its sshd. */
export async function bootHost(root: string, number: number, host: string): Promise<number> {
  const name = namespace(number, host);
  const dir = hostDir(root, host);
  const outer = daemon(
    inGroup(name, [
      'ip',
      'netns',
      'exec',
      name,
      'unshare',
      '-m',
      '-u',
      '-i',
      '-p',
      '-f',
      '--mount-proc',
      '--kill-child',
      'bash',
      join(dir, 'init.sh'),
    ]),
    join(dir, 'init.log'),
  );
  let first = 0;
  await until(`${host}'s first process`, () => {
    const children = childrenOf(outer);
    first = children[0] ?? 0;
    return first > 0;
  });
  await until(
    `${host}'s sshd`,
    () =>
      existsSync(join(dir, 'ready')) &&
      tried(['bash', '-c', `exec 3<>/dev/tcp/${address(number, lastOf(host))}/22`]),
  );
  return first;
}

/** Command line that runs inside a host, in its CPU group. Paths must be absolute. */
export function inHost(number: number, host: string, first: number, argv: readonly string[]): string[] {
  return inGroup(namespace(number, host), [
    'nsenter',
    '-t',
    String(first),
    '-m',
    '-u',
    '-i',
    '-n',
    '-p',
    '--',
    ...argv,
  ]);
}

/** The shell that starts it goes into the group first, so that everything below it is in there. */
function inGroup(name: string, argv: readonly string[]): string[] {
  const folder = cpuGroup(name);
  return folder ? ['bash', '-c', 'echo $$ > "$0/cgroup.procs" && exec "$@"', folder, ...argv] : [...argv];
}

/** Proof that a pid is still the lab's: its network namespace is the host's. */
export function isHosts(number: number, host: string, pid: number): boolean {
  const name = namespace(number, host);
  const found = run(['bash', '-c', `stat -Lc %i /proc/${pid}/ns/net /run/netns/${name} 2>/dev/null || true`])
    .trim()
    .split('\n');
  return found.length === 2 && found[0] === found[1];
}

export async function dropHost(number: number, host: string): Promise<void> {
  const name = namespace(number, host);
  if (existsSync(`/run/netns/${name}`)) {
    const pids = run(['bash', '-c', `ip netns pids ${name} 2>/dev/null || true`])
      .split('\n')
      .filter(Boolean);
    for (const pid of pids) tried(['kill', '-KILL', pid]);
    await until(
      `${host}'s processes to end`,
      () => run(['bash', '-c', `ip netns pids ${name} 2>/dev/null || true`]).trim() === '',
    );
    tried(['ip', 'netns', 'del', name]);
  }
  await until(`${host}'s CPU group to go`, () => dropCpuGroup(name), 5_000);
}

export function dropBridge(number: number): void {
  tried(['ip', 'link', 'del', `wrbr${number}`]);
}

function writeFiles(root: string, number: number, host: PlannedHost): void {
  const dir = hostDir(root, host.name);
  for (const sub of ['', 'etc', 'data']) mkdirSync(join(dir, sub), { recursive: true, mode: 0o755 });
  const etc = (file: string, text: string, mode = 0o644) =>
    writeFileSync(join(dir, 'etc', file), text, { mode });
  etc(
    'passwd',
    readFileSync('/etc/passwd', 'utf8') +
      USERS.map((user) => `${user.name}:x:${user.id}:${user.id}::/:/bin/sh\n`).join(''),
  );
  // "*" and not "!": a locked account may not even use a key where UsePAM is off.
  etc(
    'shadow',
    readFileSync('/etc/shadow', 'utf8') + USERS.map((user) => `${user.name}:*:19000:0:99999:7:::\n`).join(''),
    0o640,
  );
  etc('group', withMembers(readFileSync('/etc/group', 'utf8')));
  etc(
    'hosts',
    `127.0.0.1 localhost\n${HOSTS.map((one) => `${address(number, one.last)} ${one.name}`).join('\n')}\n`,
  );
  etc(
    'sshd_config',
    [
      'Port 22',
      `HostKey ${INSIDE.keys}/host_${host.name}`,
      `AuthorizedKeysFile ${INSIDE.keys}/authorized/%u`,
      'StrictModes no',
      'UsePAM no',
      'PidFile none',
      'MaxStartups 50',
      'MaxSessions 50',
      'PasswordAuthentication no',
      'AllowUsers warroom warroom-act',
      '',
    ].join('\n'),
  );
  writeFileSync(join(dir, 'init.sh'), initScript(dir, host.name, root), { mode: 0o755 });
}

function withMembers(group: string): string {
  const known = group
    .split('\n')
    .map((line) => {
      const [name] = line.split(':');
      const members = USERS.filter((user) => (user.groups as readonly string[]).includes(name ?? '')).map(
        (user) => user.name,
      );
      return members.length === 0 ? line : `${line}${line.endsWith(':') ? '' : ','}${members.join(',')}`;
    })
    .join('\n');
  return `${known}${USERS.map(
    (user) =>
      `${user.name}:x:${user.id}:${USERS.filter((other) =>
        (other.groups as readonly string[]).includes(user.name),
      )
        .map((other) => other.name)
        .join(',')}\n`,
  ).join('')}`;
}

/** First process of a host: private mounts, sshd, then it only reaps. */
function initScript(dir: string, name: string, root: string): string {
  const files = ['passwd', 'shadow', 'group', 'hosts']
    .map((file) => `mount --bind ${dir}/etc/${file} /etc/${file}`)
    .join('\n');
  return `set -e
hostname ${name}
mount --make-rprivate /
mount -t tmpfs -o mode=755 none /run
mount -t tmpfs none /dev/shm
mount -t tmpfs -o mode=700 none /root
[ -d /var/lib/varnish ] && mount -t tmpfs -o mode=755 none /var/lib/varnish
${files}
mount --bind ${root}/site /srv
mount --bind ${dir}/data /mnt
mkdir -p /run/sshd ${INSIDE.keys} ${INSIDE.host}
mount --bind ${root}/keys ${INSIDE.keys}
mount --bind ${dir} ${INSIDE.host}
# Last: the lab's own folder may lie under /tmp.
mount -t tmpfs -o mode=1777 none /tmp
cd /
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
/usr/sbin/sshd -D -e -f ${INSIDE.host}/etc/sshd_config &
touch ${INSIDE.host}/ready
# Pid 1 of the host: it must outlive everything and reap what is left to it.
set +e
while :; do wait -n 2>/dev/null; [ $? -eq 127 ] && sleep 1; done
`;
}

function childrenOf(pid: number): number[] {
  const file = `/proc/${pid}/task/${pid}/children`;
  if (!existsSync(file)) return [];
  const text = readFileSync(file, 'utf8').trim();
  // unshare's child is the host's pid 1; before exec of unshare there is none.
  return text === '' ? [] : text.split(' ').map(Number);
}

function lastOf(host: string): number {
  return HOSTS.find((one) => one.name === host)?.last ?? 0;
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}
