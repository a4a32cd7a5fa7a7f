import { reason, WarroomError } from '../../errors/catalogue.ts';
import { sh } from '../../targets/command.ts';
import type { CollectContext } from '../contract.ts';
import { plain } from '../rate.ts';
import { fingerprint } from './fingerprint.ts';

/** One statement that a slow log tells of. Times are seconds. */
export interface SlowEntry {
  readonly database: string;
  readonly text: string;
  readonly seconds: number;
  readonly sent: number;
  readonly examined: number;
}

/** What a log grew by, look by look. */
export interface SlowLogWindow {
  readonly file: string;
  /** Bytes of it that were read so far. */
  readonly offset: number;
  /** Of the last minute, oldest first; `seconds` is what the look covers. */
  readonly looks: readonly {
    readonly at: number;
    readonly seconds: number;
    readonly entries: readonly SlowEntry[];
  }[];
  readonly notes: readonly string[];
}

const MOST_BYTES = 512 * 1024;
const KEPT_MS = 60_000;

/**
 * The end of the slow log on the database's host, as far as it is new. Undefined where the config names none; where it
 * cannot be read the notes say why, and the process list must do.
 */
export async function readSlowLog(
  context: CollectContext,
  before: SlowLogWindow | undefined,
): Promise<SlowLogWindow | undefined> {
  const logs = context.place.stack.service(context.place.target, 'mysql')?.config.logs;
  if (logs === undefined || context.place.host === undefined) return undefined;
  const none = (problem: string): SlowLogWindow => ({ file: logs, offset: 0, looks: [], notes: [problem] });
  try {
    const found = await newest(context, logs);
    if (found === undefined)
      return none(
        `The slow log ${plain(logs, 120)} cannot be read there: SET GLOBAL slow_query_log = ON, and let the reading account read it (usermod -aG adm warroom, or chmod 644).`,
      );
    const { file, size } = found;
    // The first look only learns where the end is.
    if (before === undefined || before.file !== file) return { file, offset: size, looks: [], notes: [] };
    const from = size < before.offset ? 0 : before.offset;
    const start = Math.max(from, size - MOST_BYTES);
    const answer =
      size > start
        ? await context.target.exec(sh`tail -c +${start + 1} ${file} | head -c ${size - start}`, {
            maxBytes: MOST_BYTES,
            signal: context.signal,
          })
        : undefined;
    const at = Date.now();
    const seconds = (at - (before.looks.at(-1)?.at ?? at - 15_000)) / 1000;
    const look = { at, seconds, entries: parseSlowLog(answer?.stdout ?? '') };
    return {
      file,
      offset: size,
      looks: [...before.looks.filter((one) => one.at > at - KEPT_MS && one.at <= at), look],
      notes:
        start > from ? ['The slow log grows faster than it can be read: only its newest part counts.'] : [],
    };
  } catch (thrown) {
    if (thrown instanceof WarroomError && thrown.code === 'TARGET_UNREACHABLE') throw thrown;
    return none(`The slow log could not be read: ${plain(reason(thrown), 160)}`);
  }
}

async function newest(
  context: CollectContext,
  logs: string,
): Promise<{ file: string; size: number } | undefined> {
  const at = logs.lastIndexOf('/');
  const answer = await context.target.exec(
    sh`find ${logs.slice(0, at) || '/'} -maxdepth 1 -type f -readable -name ${logs.slice(at + 1)} -printf '%T@ %s %p\n' 2>/dev/null | sort -rn | head -n 1`,
    { signal: context.signal },
  );
  const [, size, file] = /^\S+ (\d+) (.+)$/.exec(answer.stdout.trim()) ?? [];
  return file === undefined ? undefined : { file, size: Number(size) };
}

const TIMES = /^# Query_time:\s*([\d.]+)\s+Lock_time:\s*[\d.]+\s+Rows_sent:\s*(\d+)\s+Rows_examined:\s*(\d+)/;

/**
 * Entries of a slow log of MySQL 5.7 and later or MariaDB. Each begins with `# User@Host:`; half an entry at the
 * beginning is left out. Texts come with their literals blank.
 */
export function parseSlowLog(log: string): SlowEntry[] {
  const found: SlowEntry[] = [];
  let entry:
    | { database: string; seconds: number; sent: number; examined: number; lines: string[] }
    | undefined;
  let database = '';
  const close = () => {
    const sql = entry?.lines.join('\n').replace(/;\s*$/, '') ?? '';
    if (entry && sql !== '' && Number.isFinite(entry.seconds))
      found.push({ ...entry, text: plain(fingerprint(sql.slice(0, 4000)), 1000) });
    entry = undefined;
  };
  for (const line of log.split('\n')) {
    if (line.startsWith('# User@Host:') || line.startsWith('# Time:')) {
      close();
      if (line.startsWith('# User@Host:'))
        entry = { database, seconds: Number.NaN, sent: 0, examined: 0, lines: [] };
      continue;
    }
    if (!entry) continue;
    const times = TIMES.exec(line);
    const schema = /^# Thread_id:.*\bSchema:\s*(\S+)/.exec(line)?.[1];
    const used = /^use\s+`?([^;`]+)`?;/i.exec(line)?.[1];
    if (times) {
      entry.seconds = Number(times[1]);
      entry.sent = Number(times[2]);
      entry.examined = Number(times[3]);
    } else if (schema !== undefined) entry.database = plain(schema === 'QC_hit:' ? '' : schema, 64);
    else if (line.startsWith('#') || /^SET timestamp=\d+;$/.test(line)) continue;
    else if (used !== undefined && entry.lines.length === 0) {
      database = plain(used, 64);
      entry.database = database;
    } else if (entry.lines.length < 200) entry.lines.push(line);
  }
  close();
  return found.map(({ database: of, text, seconds, sent, examined }) => ({
    database: of,
    text,
    seconds,
    sent,
    examined,
  }));
}
