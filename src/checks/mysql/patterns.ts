import type { Timed } from '../contract.ts';
import { plain, secondsBetween, share } from '../rate.ts';
import type { Sample } from './collect.ts';
import { isStatistics, type StatementsSnapshot } from './collect-statements.ts';
import type { Pattern, Patterns } from './facts.ts';
import { fingerprint, tidy } from './fingerprint.ts';
import type { SlowLogWindow } from './slow-log.ts';
import { type GrownDigest, grownDigests, idOf } from './statement-growth.ts';

const MOST_PATTERNS = 50;
const MOST_TEXT = 600;
/** Looks at the process list: what one of two caught is chance, and would be half of everything. */
const LEAST_LOOKS = 6;

/** Patterns from performance_schema's counters, else from the slow log; undefined without a pair to take rates from. */
export function countedPatterns(
  previous: Timed<StatementsSnapshot> | undefined,
  current: Timed<StatementsSnapshot>,
): Patterns | undefined {
  const now = current.snapshot;
  if (now.digests === undefined) return now.slowLog ? slowPatterns(now.slowLog) : undefined;
  const span = secondsBetween(previous, current);
  if (span === undefined || !previous || now.uptime < previous.snapshot.uptime) return undefined;
  const grown = grownDigests(previous.snapshot, now);
  const busy = grown.reduce((sum, one) => sum + one.busy, 0) / span;
  const lost = now.digestsLost - previous.snapshot.digestsLost;
  return {
    source: 'performance_schema',
    notes:
      lost > 0
        ? [
            `The table of digests is full: ${Math.round(lost / span)} statements a second are not told apart. TRUNCATE TABLE performance_schema.events_statements_summary_by_digest, and a larger performance_schema_digests_size.`,
          ]
        : [],
    seconds: span,
    busy,
    rows: sorted(
      grown
        .filter(({ row }) => row.digest !== '' && !isStatistics(row.text))
        .map((one) => patternOf(one, span, busy, now.plans.get(idOf(one.row)) ?? [])),
    ),
  };
}

function patternOf(
  { row, ...grown }: GrownDigest,
  span: number,
  busy: number,
  plan: Pattern['plan'],
): Pattern {
  return {
    id: row.digest.slice(0, 12),
    database: row.database,
    text: plain(tidy(fingerprint(row.text)), MOST_TEXT),
    calls: grown.calls / span,
    busy: grown.busy / span,
    share: share(grown.busy / span, busy) ?? 0,
    examinedPerCall: grown.examined / grown.calls,
    sentPerCall: grown.sent / grown.calls,
    noIndex: share(grown.noIndex, grown.calls),
    p95: row.p95,
    plan,
  };
}

/** A slow log counts what was slow, and nothing else. */
function slowPatterns({ looks, notes, file }: SlowLogWindow): Patterns | undefined {
  const span = looks.reduce((sum, look) => sum + look.seconds, 0);
  if (span <= 0) return undefined;
  const groups = new Map<
    string,
    { database: string; text: string; n: number; seconds: number; sent: number; examined: number }
  >();
  for (const entry of looks.flatMap((look) => look.entries)) {
    const key = `${entry.database}\n${entry.text}`;
    const group = groups.get(key) ?? {
      database: entry.database,
      text: entry.text,
      n: 0,
      seconds: 0,
      sent: 0,
      examined: 0,
    };
    group.n += 1;
    group.seconds += entry.seconds;
    group.sent += entry.sent;
    group.examined += entry.examined;
    groups.set(key, group);
  }
  const total = [...groups.values()].reduce((sum, group) => sum + group.seconds, 0);
  return {
    source: 'slow log',
    notes: [
      ...notes,
      `Without performance_schema: from ${plain(file, 120)}, which tells only what was slower than long_query_time.`,
    ],
    seconds: span,
    busy: total / span,
    rows: sorted(
      [...groups.values()].map((group) => ({
        id: '',
        database: group.database,
        text: plain(group.text, MOST_TEXT),
        calls: group.n / span,
        busy: group.seconds / span,
        share: share(group.seconds, total) ?? 0,
        examinedPerCall: group.examined / group.n,
        sentPerCall: group.sent / group.n,
        noIndex: undefined,
        p95: undefined,
        plan: [],
      })),
    ),
  };
}

/** How often each query was seen at work in the process lists of the last minute: what costs, not how often it comes. */
export function sampledPatterns(
  samples: readonly Sample[],
  plans: ReadonlyMap<string, Pattern['plan']>,
): Patterns | undefined {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined || samples.length < LEAST_LOOKS) return undefined;
  const seen = new Map<string, { database: string; text: string; n: number }>();
  for (const { working } of samples)
    for (const { database, query } of working) {
      if (query === '' || isStatistics(query)) continue;
      const key = `${database}\n${query}`;
      seen.set(key, { database, text: query, n: (seen.get(key)?.n ?? 0) + 1 });
    }
  const total = [...seen.values()].reduce((sum, one) => sum + one.n, 0);
  return {
    source: 'process list',
    notes: [
      `Without performance_schema: from ${samples.length} looks at the process list in the last minute, which see what runs long and not how often it comes.`,
    ],
    seconds: (last.at - first.at) / 1000,
    busy: total / samples.length,
    rows: sorted(
      [...seen.values()].map(({ database, text, n }) => ({
        id: '',
        database,
        text,
        calls: undefined,
        busy: n / samples.length,
        share: share(n, total) ?? 0,
        examinedPerCall: undefined,
        sentPerCall: undefined,
        noIndex: undefined,
        p95: undefined,
        plan: plans.get(text) ?? [],
      })),
    ),
  };
}

function sorted(rows: readonly Pattern[]): Pattern[] {
  return [...rows].sort((a, b) => b.busy - a.busy).slice(0, MOST_PATTERNS);
}
