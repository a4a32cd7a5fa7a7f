import { parseStat } from './process-stat.ts';

export interface OpenFile {
  readonly fd: number;
  /** r, w or rw. */
  readonly mode: string;
  /** file, socket, tcp, udp, unix, pipe, device, or what the kernel calls it (eventpoll). */
  readonly kind: string;
  readonly what: string;
}

/** `ls -l /proc/PID/fd`: `lrwx------ 1 root root 64 Nov 26 11:02 23 -> socket:[36640]`. */
export function parseFiles(text: string, sockets: ReadonlyMap<string, SocketName>): OpenFile[] {
  return text
    .split('\n')
    .flatMap((line): OpenFile[] => {
      const match = /^l(r|-)(w|-)\S* .*? (\d{1,10}) -> (.*)$/.exec(line);
      if (!match) return [];
      const [, read = '', write = '', fd, to = ''] = match;
      return [{ fd: Number(fd), mode: `${read}${write}`.replace('-', ''), ...kindOf(to, sockets) }];
    })
    .sort((a, b) => a.fd - b.fd);
}

function kindOf(to: string, sockets: ReadonlyMap<string, SocketName>): Pick<OpenFile, 'kind' | 'what'> {
  const inode = /^socket:\[(\d+)\]$/.exec(to)?.[1];
  if (inode !== undefined) return sockets.get(inode) ?? { kind: 'socket', what: to };
  const special = /^anon_inode:\[?([\w-]+)/.exec(to)?.[1];
  if (special !== undefined) return { kind: special, what: '' };
  if (to.startsWith('pipe:')) return { kind: 'pipe', what: to };
  return { kind: to.startsWith('/dev/') ? 'device' : 'file', what: to };
}

export interface SocketName {
  readonly kind: string;
  readonly what: string;
}

/** `ss -tuanHe`: kind, state, two queues, local, peer, … `ino:36640` …; by inode. */
export function parseSockets(text: string): Map<string, SocketName> {
  const found = new Map<string, SocketName>();
  for (const line of text.split('\n')) {
    const [kind = '', state = '', , , local = '', peer = ''] = line.trim().split(/\s+/);
    const inode = /\bino:(\d+)/.exec(line)?.[1];
    if (inode !== undefined && /^(tcp|udp)$/.test(kind))
      found.set(inode, {
        kind,
        what: state === 'LISTEN' ? `${local} listening` : `${local} - ${peer} ${state}`,
      });
  }
  return found;
}

/** `ss -xanH`: kind, state, two queues, path or *, inode, …; by inode. */
export function parseUnixSockets(text: string): Map<string, SocketName> {
  const found = new Map<string, SocketName>();
  for (const line of text.split('\n')) {
    const match = /^u_\w+\s+(\S+)\s+\d+\s+\d+\s+(\S+)\s+(\d+)\s/.exec(line.trim());
    if (match) found.set(match[3] as string, { kind: 'unix', what: `${match[2]} ${match[1]}` });
  }
  return found;
}

export interface SyscallRow {
  readonly call: string;
  readonly share: number;
  readonly seconds: number;
  readonly calls: number;
  readonly errors: number;
}

/** The table of `strace -c`; whatever else it says is left out. */
export function parseSyscalls(text: string): SyscallRow[] {
  return text.split('\n').flatMap((line) => {
    const match =
      /^\s*(\d+\.\d+)\s+(\d+\.\d+)\s+\d+\s+(\d{1,12})(?:\s+(\d{1,12}))?\s+([a-z_][a-z0-9_]{0,40})$/.exec(
        line,
      );
    if (!match || match[5] === 'total') return [];
    const [, percent, seconds, calls, errors, call = ''] = match;
    return [
      {
        call,
        share: Number(percent) / 100,
        seconds: Number(seconds),
        calls: Number(calls),
        errors: Number(errors ?? 0),
      },
    ];
  });
}

export interface ThreadRow {
  readonly id: number;
  readonly name: string;
  readonly state: string;
  /** The kernel's function; empty while it runs, or where only root may see it. */
  readonly waits: string;
}

/** proc(5), "state". */
const STATES: Readonly<Record<string, string>> = {
  R: 'running',
  S: 'sleeping',
  D: 'waiting for a disk',
  Z: 'ended, not reaped',
  T: 'stopped',
  t: 'traced',
  I: 'idle',
  X: 'dead',
};

/** A line of /proc/PID/task/TID/stat and one of its wchan in turn. */
export function parseThreads(text: string): ThreadRow[] {
  const found: ThreadRow[] = [];
  const lines = text.split('\n');
  for (const [i, line] of lines.entries()) {
    const stat = parseStat(line);
    if (!stat) continue;
    const waits = lines[i + 1] ?? '';
    found.push({
      id: stat.pid,
      name: stat.name,
      state: STATES[stat.state] ?? stat.state,
      waits: /^[A-Za-z_][\w.]*$/.test(waits) ? waits : '',
    });
  }
  return found;
}
