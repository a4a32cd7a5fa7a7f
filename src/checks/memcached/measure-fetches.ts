import type { Measured, Timed } from '../contract.ts';
import { growth, plain, secondsBetween } from '../rate.ts';
import { redactText } from '../redact.ts';
import type { FetchFacts, MemcachedFacts, MissReason, PrefixRow } from './facts.ts';
import type { FetchWindow, PrefixTally } from './fetch-lines.ts';
import type { FetchesSnapshot, PrefixCounts } from './fetches.ts';

const MOST_ROWS = 20;

export function measureFetches(
  previous: Timed<FetchesSnapshot> | undefined,
  current: Timed<FetchesSnapshot>,
): Measured<MemcachedFacts> {
  return { readings: [], facts: { fetches: fetchFacts(previous, current) } };
}

function fetchFacts(
  previous: Timed<FetchesSnapshot> | undefined,
  current: Timed<FetchesSnapshot>,
): FetchFacts {
  const { snapshot } = current;
  switch (snapshot.source) {
    case 'watch':
      return ofWindows(snapshot.windows);
    case 'detail': {
      const before = previous?.snapshot.source === 'detail' ? previous.snapshot.counts : undefined;
      return ofCounts(before, snapshot.counts, secondsBetween(previous, current));
    }
    case 'none':
      return { source: 'none', seconds: 0, reads: 0, prefixes: [], problem: snapshot.problem };
  }
}

/** All windows together: each is short, and their rates are means over what was seen. */
export function ofWindows(windows: readonly FetchWindow[]): FetchFacts {
  const sums = new Map<string, PrefixTally>();
  for (const window of windows)
    for (const [prefix, tally] of window.prefixes) {
      const sum = sums.get(prefix) ?? { reads: 0, hits: 0, misses: 0, expired: 0, sets: 0, evicted: 0 };
      for (const key of Object.keys(sum) as (keyof PrefixTally)[]) sum[key] += tally[key];
      sums.set(prefix, sum);
    }
  const seconds = windows.reduce((sum, window) => sum + window.seconds, 0);
  const reads = [...sums.values()].reduce((sum, tally) => sum + tally.reads, 0);
  const newest = windows.at(-1);
  const newestReads = [...(newest?.prefixes.values() ?? [])].reduce((sum, tally) => sum + tally.reads, 0);
  return {
    source: 'watch',
    seconds,
    reads,
    ...(newest?.hot ? { hot: { prefix: newest.hot.prefix, share: newest.hot.reads / newestReads } } : {}),
    prefixes: worstFirst(
      [...sums].map(([prefix, tally]) => {
        const why = reasonOf(tally);
        return {
          prefix,
          readsPerSecond: tally.reads / seconds,
          hitShare: tally.reads > 0 ? tally.hits / tally.reads : 1,
          missesPerSecond: tally.misses / seconds,
          setsPerSecond: tally.sets / seconds,
          evictionsPerSecond: tally.evicted / seconds,
          ...(why ? { why } : {}),
        };
      }),
    ),
  };
}

/**
 * Why most misses are: keys of this kind were thrown out meanwhile; their time was over; nobody stores them; or they
 * are stored and not thrown out, so what is asked for is another key each time, or one that was deleted.
 */
function reasonOf({ misses, expired, sets, evicted }: PrefixTally): MissReason | undefined {
  if (misses === 0) return undefined;
  if (evicted >= misses / 10) return 'evicted';
  if (expired >= misses / 2) return 'expired';
  return sets < misses / 10 ? 'never set' : 'other keys each time';
}

function ofCounts(
  before: ReadonlyMap<string, PrefixCounts> | undefined,
  now: ReadonlyMap<string, PrefixCounts>,
  seconds: number | undefined,
): FetchFacts {
  if (!before || seconds === undefined) return { source: 'detail', seconds: 0, reads: 0, prefixes: [] };
  let all = 0;
  const rows = [...now].flatMap(([prefix, counts]): PrefixRow[] => {
    const earlier = before.get(prefix) ?? { reads: 0, hits: 0, sets: 0 };
    const reads = growth(earlier.reads, counts.reads);
    const hits = growth(earlier.hits, counts.hits);
    const sets = growth(earlier.sets, counts.sets);
    if (reads === undefined || hits === undefined || sets === undefined || reads + sets === 0) return [];
    all += reads;
    const misses = Math.max(0, reads - hits);
    const why: MissReason = sets < misses / 10 ? 'never set' : 'evicted or expired';
    return [
      {
        prefix: redactText(plain(prefix, 32)),
        readsPerSecond: reads / seconds,
        hitShare: reads > 0 ? hits / reads : 1,
        missesPerSecond: misses / seconds,
        setsPerSecond: sets / seconds,
        evictionsPerSecond: 0,
        ...(misses > 0 ? { why } : {}),
      },
    ];
  });
  return { source: 'detail', seconds, reads: all, prefixes: worstFirst(rows) };
}

function worstFirst(rows: PrefixRow[]): PrefixRow[] {
  return rows
    .sort((a, b) => b.missesPerSecond - a.missesPerSecond || b.readsPerSecond - a.readsPerSecond)
    .slice(0, MOST_ROWS);
}
