import { existsSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { address, hostOf, namespace, type PlannedHost } from './plan.ts';
import { run, tried, until } from './run.ts';

export function bridge(number: number): string {
  return `wrbr${number}`;
}

/** No route leads out of it: a host of the lab reaches its neighbours and nobody else. */
export function makeBridge(number: number): void {
  const name = bridge(number);
  run(['ip', '-batch', '-'], {
    input: `link add ${name} type bridge\naddr add ${address(number, 1)}/24 dev ${name}\nlink set ${name} up\n`,
  });
}

export function dropBridge(number: number): void {
  if (existsSync(`/sys/class/net/${bridge(number)}`)) tried(['ip', 'link', 'del', bridge(number)]);
}

export function makeNamespace(number: number, host: PlannedHost): void {
  const name = namespace(number, host.name);
  const link = linkOf(number, host.last);
  // A fixed MAC: a host that is made again must not hide behind its neighbours' old ARP entries.
  const mac = `02:77:00:${hex(number)}:00:${hex(host.last)}`;
  run(['ip', '-batch', '-'], {
    input: `netns add ${name}\nlink add ${link} type veth peer name eth0 address ${mac} netns ${name}\nlink set ${link} master ${bridge(number)} up\n`,
  });
  run(['ip', '-n', name, '-batch', '-'], {
    input: `addr add ${address(number, host.last)}/24 dev eth0\nlink set lo up\nlink set eth0 up\n`,
  });
}

export function namespaceFile(number: number, host: string): string {
  return `/run/netns/${namespace(number, host)}`;
}

/** Proof that a process is the lab's: it lives in the host's network namespace. A pid alone may be another's by now. */
export function isIn(number: number, host: string, pid: number): boolean {
  const inode = inodeOf(number, host);
  return inode !== undefined && netOf(pid) === `net:[${inode}]`;
}

/** Whether any of a lab's hosts runs, by the pids of their first processes. Any will do: one may have been ended on purpose. */
export function isAlive(number: number, hosts: Readonly<Record<string, number>>): boolean {
  return Object.entries(hosts).some(([host, first]) => isIn(number, host, first));
}

/** Every process in the host's network namespace, wherever it was started from. */
export function processesIn(number: number, host: string): number[] {
  const inode = inodeOf(number, host);
  if (inode === undefined) return [];
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => netOf(pid) === `net:[${inode}]`);
}

/** Ends a host by its first process, and waits until all that was in it is gone; its namespace stays. */
export async function endFirst(number: number, host: string, first: number): Promise<void> {
  if (!isIn(number, host, first)) return;
  kill(first);
  // The kernel takes it away once all others in the host have ended.
  await until(`the end of ${host}`, () => !existsSync(`/proc/${first}`), 15_000);
}

/** Ends all that lives in the namespace, then the namespace. */
export async function dropNamespace(number: number, host: string): Promise<void> {
  if (!existsSync(namespaceFile(number, host))) return;
  await until(
    `the end of ${host}'s processes`,
    () => {
      const left = processesIn(number, host);
      for (const pid of left) kill(pid);
      return left.length === 0;
    },
    15_000,
  );
  // The kernel clears a namespace away when it finds time; its link to the bridge goes at once, so no trace is left.
  const link = linkOf(number, hostOf(host).last);
  if (existsSync(`/sys/class/net/${link}`)) tried(['ip', 'link', 'del', link]);
  run(['ip', 'netns', 'del', namespace(number, host)]);
}

/** The bridge's end of a host's link. */
function linkOf(number: number, last: number): string {
  return `wr${number}v${last}`;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself in between.
  }
}

function inodeOf(number: number, host: string): number | undefined {
  const file = namespaceFile(number, host);
  return existsSync(file) ? statSync(file).ino : undefined;
}

function netOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    // Ended, or a zombie: it has no namespace any more.
    return undefined;
  }
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}
