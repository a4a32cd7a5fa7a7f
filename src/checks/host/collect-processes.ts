import { sh } from '../../targets/command.ts';
import type { Timed } from '../contract.ts';
import { answer, type Looking } from './answer.ts';
import { type ProcessStat, parseStats, useOf } from './process-stat.ts';
import { redactArguments } from './redact.ts';
import { badAnswer, namedNumbers, sections } from './sections.ts';

export interface ProcessesSnapshot {
  readonly uptime: number;
  /** The host's clock, UTC milliseconds. */
  readonly clock: number;
  readonly all: ReadonlyMap<number, ProcessStat>;
  /** The ones that were looked at closely. */
  readonly chosen: ReadonlyMap<number, ProcessDetail>;
}

export interface ProcessDetail {
  readonly user: string;
  readonly command: string;
  readonly python: boolean;
  readonly residentBytes: number;
  readonly sharedBytes?: number;
  readonly pssBytes?: number;
}

const READ_PROCESSES = sh`date +%s; grep -ash '' /proc/uptime /proc/[0-9]*/stat; echo end`;

/** Every process in short, then the few that matter in full: by CPU, by memory, and every Python one. */
export async function collectProcesses(
  context: Looking,
  previous: Timed<ProcessesSnapshot> | undefined,
): Promise<ProcessesSnapshot> {
  const { stdout } = await answer(context, READ_PROCESSES, 'processes');
  const list = parseProcessList(stdout, context.target.name);
  const chosen = choose(list, previous?.snapshot);
  return { ...list, chosen: await detailsOf(context, chosen, list.all) };
}

export function parseProcessList(text: string, target: string): Omit<ProcessesSnapshot, 'chosen'> {
  const [seconds, uptime, ...lines] = text.split('\n');
  const up = Number(uptime?.split(' ')[0]);
  const { processes } = parseStats(lines.slice(0, -2).join('\n'));
  if (!/^\d+$/.test(seconds ?? '') || !Number.isFinite(up) || lines.at(-2) !== 'end' || processes.size === 0)
    throw badAnswer(target, 'a list of processes', 'it ends in the middle');
  return { uptime: up, clock: Number(seconds) * 1000, all: processes };
}

const BY_CPU = 15;
const BY_MEMORY = 15;
const MOST = 60;
const SMALLEST_PAGE_BYTES = 4096;
const PSS_ABOVE_BYTES = 250_000_000;
const MOST_PSS = 12;
const PYTHON = /^(python|pypy|uwsgi|gunicorn|celery)/;

function choose(now: Omit<ProcessesSnapshot, 'chosen'>, before: ProcessesSnapshot | undefined): number[] {
  const all = [...now.all.values()].filter((process) => process.residentPages > 0);
  const uptime = { before: before?.uptime ?? now.uptime, now: now.uptime };
  const use = new Map(all.map((one) => [one.pid, useOf(before?.all.get(one.pid), one, uptime)?.cores ?? 0]));
  const byMemory = [...all].sort((a, b) => b.residentPages - a.residentPages);
  const byCpu = [...all].sort((a, b) => (use.get(b.pid) ?? 0) - (use.get(a.pid) ?? 0));
  const python = byMemory.filter((one) => PYTHON.test(one.name) || before?.chosen.get(one.pid)?.python);
  return [
    ...new Set([...byMemory.slice(0, BY_MEMORY), ...byCpu.slice(0, BY_CPU), ...python].map((one) => one.pid)),
  ].slice(0, MOST);
}

export async function detailsOf(
  context: Looking,
  pids: readonly number[],
  all: ReadonlyMap<number, ProcessStat>,
): Promise<Map<number, ProcessDetail>> {
  if (pids.length === 0) return new Map();
  // PSS is never more than RSS, and dear for the kernel to add up (10 ms for 300 MB): only the Python processes that
  // could be too big are asked, whose workers share what they were forked with.
  const big = pids
    .filter((pid) => {
      const stat = all.get(pid);
      return stat && PYTHON.test(stat.name) && stat.residentPages * SMALLEST_PAGE_BYTES > PSS_ABOVE_BYTES;
    })
    .slice(0, MOST_PSS);
  // A list is one quoted word, which sh splits where its variable stands unquoted. Arguments are another user's text:
  // grep names the file before each and ends it with NUL, so that none can pass as a header.
  const states = [...filesOf(pids, 'status'), ...filesOf(big, 'smaps_rollup')].join(' ');
  const command = sh`states=${states} arguments=${filesOf(pids, 'cmdline').join(' ')}
tail -v -n +1 $states 2>/dev/null
echo '==> /users <=='; cut -d: -f1,3 /etc/passwd
echo ${ARGUMENTS.trim()}; grep -asHzZ '' $arguments
echo ${END.trim()}`;
  const { stdout } = await answer(context, command, 'process details');
  return parseDetails(stdout, pids, all, context.target.name);
}

function filesOf(pids: readonly number[], name: string): string[] {
  return pids.map((pid) => `/proc/${pid}/${name}`);
}

const ARGUMENTS = '==> /arguments <==\n';
const END = '==> /end <==\n';

export function parseDetails(
  text: string,
  pids: readonly number[],
  all: ReadonlyMap<number, ProcessStat>,
  target: string,
): Map<number, ProcessDetail> {
  const at = text.indexOf(ARGUMENTS);
  if (at < 0 || !text.endsWith(END)) throw badAnswer(target, 'details of processes', 'it ends in the middle');
  const files = sections(`\n${text.slice(0, at)}`);
  const argvs = argumentsOf(text.slice(at + ARGUMENTS.length, -END.length));
  const users = new Map(
    (files.get('/users') ?? '')
      .split('\n')
      .map((line) => [line.split(':')[1] ?? '', line.split(':')[0] ?? '']),
  );
  const found = new Map<number, ProcessDetail>();
  for (const pid of pids) {
    const status = files.get(`/proc/${pid}/status`);
    const name = all.get(pid)?.name;
    // It ended between the two looks.
    if (status === undefined || name === undefined) continue;
    const argv = (argvs.get(pid) ?? []).filter((word) => word.trim() !== '');
    const numbers = namedNumbers(status, ['VmRSS', 'RssShmem', 'HugetlbPages']);
    // Huge pages are no part of RSS.
    const shared = (numbers.get('RssShmem') ?? 0) + (numbers.get('HugetlbPages') ?? 0);
    const uid = /^Uid:\s+(\d+)/m.exec(status)?.[1] ?? '';
    const pss = namedNumbers(files.get(`/proc/${pid}/smaps_rollup`), ['Pss']).get('Pss');
    found.set(pid, {
      user: users.get(uid) ?? uid,
      command: argv.length > 0 ? redactArguments(argv, name) : `[${name}]`,
      python: PYTHON.test(name) || PYTHON.test(argv[0]?.split('/').at(-1) ?? ''),
      residentBytes: (numbers.get('VmRSS') ?? 0) * 1024,
      ...(shared > 0 ? { sharedBytes: shared * 1024 } : {}),
      ...(pss === undefined ? {} : { pssBytes: pss * 1024 }),
    });
  }
  return found;
}

/** Records of file name and argument in turn, each ended by NUL. */
function argumentsOf(text: string): Map<number, string[]> {
  const found = new Map<number, string[]>();
  const words = text.split('\0');
  for (let i = 0; i + 1 < words.length; i += 2) {
    const pid = Number(/^\/proc\/(\d+)\/cmdline$/.exec(words[i] as string)?.[1]);
    found.set(pid, [...(found.get(pid) ?? []), words[i + 1] as string]);
  }
  return found;
}
