import { sh } from '../../targets/command.ts';
import { plain } from '../rate.ts';
import { answer, type Looking } from './answer.ts';
import { namedNumbers } from './sections.ts';

/** Processes that the kernel killed for memory: how many since it began to count, and who, where its log may be read. */
export interface OomState {
  /** Of the whole kernel: /proc/vmstat, from Linux 4.13 on. */
  readonly kernel?: number;
  /** Of the cgroup that is the host's own: memory.events (v2), memory.oom_control (v1). */
  readonly group?: number;
  /** Newest last, at most 20, of the last half hour. */
  readonly kills: readonly OomKill[];
  /** The log was asked and said nothing, or may not be read. */
  readonly unnamed?: true;
}

export interface OomKill {
  /** Seconds after the kernel's start. */
  readonly uptime: number;
  readonly pid: number;
  readonly name: string;
  /** Its own memory at that moment, without what it shared or had from files. */
  readonly bytes: number;
  /** Whether a limit of its cgroup was met, or the whole machine was out. */
  readonly why: 'limit of its group' | 'the machine';
}

/** What of kills is looked back at: half an hour, as stock alerts do. */
const KEPT_SECONDS = 1800;
const MOST = 20;
const LONGEST_LINE = 500;

export function oomCounts(
  files: ReadonlyMap<string, string>,
  vm: ReadonlyMap<string, number>,
): Pick<OomState, 'kernel' | 'group'> {
  // Version 2 has that file in no root of a machine: where it is, this is a container, and the kernel's are others' too.
  const contained = namedNumbers(files.get('/sys/fs/cgroup/memory.events'), ['oom_kill']).get('oom_kill');
  if (contained !== undefined) return { group: contained };
  const kernel = vm.get('oom_kill');
  const group = namedNumbers(files.get('/sys/fs/cgroup/memory/memory.oom_control'), ['oom_kill']).get(
    'oom_kill',
  );
  return { ...(kernel === undefined ? {} : { kernel }), ...(group === undefined ? {} : { group }) };
}

/** The log is asked only when there was a kill since the round before, or at the first look when there ever was one. */
export async function collectOom(
  looking: Looking,
  now: Pick<OomState, 'kernel' | 'group'>,
  before: OomState | undefined,
  uptime: number,
): Promise<OomState> {
  const grew = (name: 'kernel' | 'group') => (now[name] ?? 0) > (before?.[name] ?? 0);
  const recent = (before?.kills ?? []).filter((kill) => kill.uptime > uptime - KEPT_SECONDS);
  if (!grew('kernel') && !grew('group'))
    return { ...now, kills: recent, ...(before?.unnamed ? { unnamed: true } : {}) };
  const { stdout } = await answer(looking, READ_LOG, 'the kernel log', 'exec');
  const kills = parseKills(stdout)
    .filter((kill) => kill.uptime > uptime - KEPT_SECONDS)
    .slice(-MOST);
  return { ...now, kills, ...(kills.length === 0 ? { unnamed: true } : {}) };
}

/** The ring buffer, which many hosts keep from users; else the journal, for members of adm. */
const READ_LOG = sh`{ dmesg 2>/dev/null || journalctl -kqb -o short-monotonic --no-pager -n 5000 2>/dev/null; } | grep -a 'Killed process' | tail -n 20`;

/** `[  123.456789] Memory cgroup out of memory: Killed process 42 (python3) total-vm:…kB, anon-rss:2048kB, …` */
export function parseKills(text: string): OomKill[] {
  return text.split('\n').flatMap((whole) => {
    const line = whole.slice(0, LONGEST_LINE);
    const match =
      /^\[\s*(\d+\.\d+)\].*?\b(Memory cgroup out of memory|Out of memory)[^:]*: Killed process (\d{1,10}) \((.*)\),? .*?anon-rss:(\d{1,15})kB/.exec(
        line,
      );
    if (!match) return [];
    return [
      {
        uptime: Number(match[1]),
        pid: Number(match[3]),
        name: plain(match[4] as string, 40),
        bytes: Number(match[5]) * 1024,
        why: match[2] === 'Out of memory' ? 'the machine' : 'limit of its group',
      } as const,
    ];
  });
}
