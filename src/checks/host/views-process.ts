import { WarroomError } from '../../errors/catalogue.ts';
import { type Command, sh } from '../../targets/command.ts';
import type { CollectContext, Evidence, View } from '../contract.ts';
import { plain } from '../rate.ts';
import { redactText } from '../redact.ts';
import {
  type OpenFile,
  parseFiles,
  parseSockets,
  parseSyscalls,
  parseThreads,
  parseUnixSockets,
} from './process-parsers.ts';

const MAX_BYTES = 1024 * 1024;
const SHOWN_FILES = 40;
const SHOWN_THREADS = 30;
const SHOWN_FRAMES = 25;
const TRACE_SECONDS = 5;
/** What a line of this code base prints where a look needs more rights than the account has. */
const CLOSED = 'warroom: closed';
const GONE = 'warroom: gone';

/** `files PID`: what lsof shows of one process. */
const files: View = {
  name: 'files',
  summary: 'Open files and sockets of a process, as lsof shows them: files PID',
  async show(context, words) {
    const pid = pidOf('files', words);
    const text = await ask(
      context,
      'read the open files of',
      pid,
      sh`cd /proc/${pid} 2>/dev/null || { echo ${GONE}; exit; }
head -c 100 comm; grep '^Max open files' limits 2>/dev/null; echo '== files'
if ls fd >/dev/null 2>&1; then ls -l fd; else sudo -n /usr/bin/ls -l /proc/${pid}/fd/ 2>/dev/null || echo ${CLOSED}; fi | head -n 5000
echo '== sockets'; ss -tuanHe 2>/dev/null | head -n 2000; echo '== unix'; ss -xanH 2>/dev/null | head -n 2000`,
      `/usr/bin/ls ^-l /proc/[0-9]+/fd/$`,
    );
    const [head = '', list = '', sockets = '', unix = ''] = text.split(/^== \w+\n/m);
    const names = new Map([...parseSockets(sockets), ...parseUnixSockets(unix)]);
    const open = parseFiles(list, names);
    const most = Number(/^Max open files\s+(\d+)/m.exec(head)?.[1] ?? Number.NaN);
    return [
      {
        kind: 'figures',
        rows: [
          {
            name: 'open files',
            value: open.length,
            unit: 'count',
            ...(Number.isFinite(most) ? { limit: most } : {}),
          },
          ...byKind(open).map(([name, value]) => ({ name, value, unit: 'count' as const })),
        ],
      },
      {
        kind: 'table',
        title: `Open files of ${plain(head.split('\n')[0] ?? '', 40)} (process ${pid})`,
        columns: [{ name: 'fd' }, { name: 'mode' }, { name: 'kind' }, { name: 'what' }],
        rows: open
          .slice(0, SHOWN_FILES)
          .map((one) => [String(one.fd), one.mode, one.kind, redactText(plain(one.what, 120))]),
      },
      ...left(open.length, SHOWN_FILES),
    ];
  },
};

/** `syscalls PID`: strace's table over five seconds. */
const syscalls: View = {
  name: 'syscalls',
  summary: 'What a process asks of the kernel, counted for 5 s: syscalls PID',
  cost: `It runs strace on the process and its threads for ${TRACE_SECONDS} s, which makes each of its system calls several times slower meanwhile.`,
  async show(context, words) {
    const pid = pidOf('syscalls', words);
    const text = await ask(
      context,
      'trace',
      pid,
      // INT makes strace let go and print; should it hang, KILL ends it, and the kernel lets go.
      sh`[ -d /proc/${pid} ] || { echo ${GONE}; exit; }
[ -x /usr/bin/strace ] || { echo missing; exit; }
cat /proc/sys/kernel/yama/ptrace_scope 2>/dev/null || echo 0
traced=$(timeout -k 2 -s INT 5 /usr/bin/strace -c -f -qq -p ${pid} 2>&1)
case "$traced" in *'not permitted'*|*'ould not attach'*)
traced=$(sudo -n /usr/bin/timeout -s INT 5 /usr/bin/strace -c -f -qq -p ${pid} 2>&1) ;; esac
case "$traced" in *'not permitted'*|sudo:*) echo ${CLOSED} ;; *) printf '%s\n' "$traced" ;; esac`,
      `/usr/bin/timeout ^-s INT 5 /usr/bin/strace -c -f -qq -p [0-9]+$`,
    );
    if (text.startsWith('missing'))
      throw new WarroomError('NO_RIGHT', {
        target: context.target.name,
        what: 'trace a process: strace is not there',
        mend: `On ${context.target.name}: apt-get install strace`,
      });
    const rows = parseSyscalls(text);
    if (rows.length === 0)
      return [{ kind: 'note', text: `Process ${pid} made no system call within ${TRACE_SECONDS} s.` }];
    return [
      {
        kind: 'table',
        title: `System calls of process ${pid} in ${TRACE_SECONDS} s`,
        columns: [
          { name: 'call' },
          { name: 'share of time', unit: 'share' },
          { name: 'time', unit: 's' },
          { name: 'calls' },
          { name: 'failed' },
        ],
        rows: rows.slice(0, 20).map((row) => [row.call, row.share, row.seconds, row.calls, row.errors]),
      },
      ...left(rows.length, 20),
    ];
  },
};

/** `stack PID`: where the kernel has each thread, and the stack of the first. */
const stack: View = {
  name: 'stack',
  summary: 'Where each thread of a process stands, and what it waits for: stack PID',
  async show(context, words) {
    const pid = pidOf('stack', words);
    const text = await ask(
      context,
      'look at',
      pid,
      sh`cd /proc/${pid}/task 2>/dev/null || { echo ${GONE}; exit; }
for t in $(ls | sort -n | head -n 200); do cat $t/stat 2>/dev/null && { cat $t/wchan; echo; } 2>/dev/null; done
echo '== stack'; cat /proc/${pid}/stack 2>/dev/null || sudo -n /usr/bin/cat /proc/${pid}/stack 2>/dev/null || echo unread`,
      `/usr/bin/cat ^/proc/[0-9]+/stack$`,
    );
    const [list = '', frames = ''] = text.split(/^== stack\n/m);
    const threads = parseThreads(list);
    const closed = frames.trim() === 'unread';
    const kernel = [...frames.matchAll(/^\[<[^>]*>\] (\S+)/gm)].map(([, frame = '']) => plain(frame, 80));
    const evidence: Evidence[] = [
      {
        kind: 'table',
        title: `Threads of process ${pid}`,
        columns: [{ name: 'thread' }, { name: 'name' }, { name: 'state' }, { name: 'waits in' }],
        rows: threads
          .slice(0, SHOWN_THREADS)
          .map((one) => [String(one.id), plain(one.name, 40), one.state, plain(one.waits, 60)]),
      },
      ...left(threads.length, SHOWN_THREADS),
    ];
    if (kernel.length > 0)
      evidence.push({
        kind: 'table',
        title: 'Where the kernel has its first thread, innermost first',
        columns: [{ name: 'function' }],
        rows: kernel.slice(0, SHOWN_FRAMES).map((frame) => [frame]),
      });
    if (closed)
      evidence.push({
        kind: 'note',
        text: `What it waits in, and its stack, are for root alone. To see them, sudoers: ${sudoers(context, '/usr/bin/cat ^/proc/[0-9]+/stack$')}`,
      });
    return evidence;
  },
};

/** A process id: digits only, and nothing after them. */
function pidOf(view: string, words: readonly string[]): number {
  const [word = ''] = words;
  if (words.length !== 1 || !/^[1-9]\d{0,9}$/.test(word))
    throw new WarroomError('BAD_ARGUMENT', {
      command: `host H ${view} PID`,
      problem: 'PID is one process id, digits only: see host H processes',
    });
  return Number(word);
}

async function ask(
  context: CollectContext,
  doing: string,
  pid: number,
  command: Command,
  allowed: string,
): Promise<string> {
  const { target, signal } = context;
  const { stdout, cut } = await target.exec(command, { signal, maxBytes: MAX_BYTES, timeoutMs: 9000 });
  if (cut) throw new WarroomError('TARGET_CUT', { target: target.name, command: doing, maxBytes: MAX_BYTES });
  if (stdout.startsWith(GONE))
    throw new WarroomError('NOT_FOUND', {
      kind: 'process',
      id: String(pid),
      hint: `See host ${target.name} processes.`,
    });
  if (stdout.split('\n').includes(CLOSED))
    throw new WarroomError('NO_RIGHT', {
      target: target.name,
      what: `${doing} a process of another user`,
      mend: `In sudoers there (sudo 1.9.10 or newer): ${sudoers(context, allowed)}`,
    });
  return stdout;
}

/** One command with a process id in it and nothing else: sudo's own pattern, matched from the first to the last sign. */
function sudoers({ place }: CollectContext, allowed: string): string {
  const user = place.stack.config.ssh?.user ?? 'warroom';
  return `${user} ALL=(root) NOPASSWD: ${allowed}`;
}

function byKind(open: readonly OpenFile[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const { kind } of open) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]).slice(0, 6);
}

function left(all: number, shown: number): Evidence[] {
  return all > shown ? [{ kind: 'note', text: `${all - shown} more are not shown.` }] : [];
}

export const processViews: readonly View[] = [files, syscalls, stack];
