import type { Measured, Reading, Timed, Unit } from '../contract.ts';
import { growth, plain, secondsBetween, share } from '../rate.ts';
import type { ItemsSnapshot, LatencySnapshot, StatsSnapshot } from './collect.ts';
import type { ClassRow, MemcachedFacts } from './facts.ts';

/** What is measured per second, and the counter that it comes from. */
const RATES: readonly (readonly [metric: string, counter: string, unit: Unit])[] = [
  ['memcached.gets', 'cmd_get', '/s'],
  ['memcached.sets', 'cmd_set', '/s'],
  ['memcached.hits', 'get_hits', '/s'],
  ['memcached.misses', 'get_misses', '/s'],
  ['memcached.evictions', 'evictions', '/s'],
  ['memcached.evicted_unfetched', 'evicted_unfetched', '/s'],
  ['memcached.read', 'bytes_read', 'B/s'],
  ['memcached.written', 'bytes_written', 'B/s'],
  ['memcached.new_connections', 'total_connections', '/s'],
  ['memcached.rejected', 'rejected_connections', '/s'],
  ['memcached.listen_disabled', 'listen_disabled_num', '/s'],
  ['memcached.yields', 'conn_yields', '/s'],
  ['memcached.no_memory', 'store_no_memory', '/s'],
];

/** What is as it is at the moment. */
const GAUGES: readonly (readonly [metric: string, counter: string, unit: Unit])[] = [
  ['memcached.uptime', 'uptime', 's'],
  ['memcached.memory_given', 'limit_maxbytes', 'B'],
  ['memcached.memory_used', 'bytes', 'B'],
  ['memcached.items', 'curr_items', 'count'],
  ['memcached.connections', 'curr_connections', 'count'],
];

export function measureStats(
  previous: Timed<StatsSnapshot> | undefined,
  current: Timed<StatsSnapshot>,
): Measured<MemcachedFacts> {
  const { counters, protocol, version } = current.snapshot;
  const readings = GAUGES.flatMap(([metric, counter, unit]): Reading[] => {
    const value = counters.get(counter);
    return value === undefined ? [] : [{ metric, value, unit }];
  });
  const most = counters.get('max_connections');
  // It keeps some for itself, and refuses clients before it comes to those.
  const kept = counters.get('reserved_fds') ?? 0;
  if (most !== undefined)
    readings.push({ metric: 'memcached.connection_limit', value: most - kept, unit: 'count' });
  return {
    readings: [...readings, ...rates(previous, current)],
    facts: {
      server: { version: plain(version, 40), protocol, uptimeSeconds: counters.get('uptime') ?? 0 },
    },
  };
}

/** No rate at all after a restart, or when somebody said `stats reset`: the counters began again together. */
function rates(previous: Timed<StatsSnapshot> | undefined, current: Timed<StatsSnapshot>): Reading[] {
  const seconds = secondsBetween(previous, current);
  if (!previous || seconds === undefined) return [];
  const before = previous.snapshot.counters;
  const now = current.snapshot.counters;
  if (before.get('pid') !== now.get('pid')) return [];
  if (growth(before.get('uptime'), now.get('uptime')) === undefined) return [];
  const perSecond = new Map<string, number>();
  for (const [metric, counter] of RATES) {
    if (!before.has(counter) || !now.has(counter)) continue;
    const grown = growth(before.get(counter), now.get(counter));
    if (grown === undefined) return [];
    perSecond.set(metric, grown / seconds);
  }
  const readings = RATES.flatMap(([metric, , unit]): Reading[] => {
    const value = perSecond.get(metric);
    return value === undefined ? [] : [{ metric, value, unit }];
  });
  const hitShare = share(perSecond.get('memcached.hits') ?? 0, perSecond.get('memcached.gets') ?? 0);
  if (hitShare !== undefined)
    readings.push({ metric: 'memcached.hit_share', value: hitShare, unit: 'share' });
  return readings;
}

export function measureItems(
  previous: Timed<ItemsSnapshot> | undefined,
  current: Timed<ItemsSnapshot>,
): Measured<MemcachedFacts> {
  const seconds = secondsBetween(previous, current);
  const classes = [...current.snapshot.classes]
    .map(([id, now]) => classRow(id, now, previous?.snapshot.classes.get(id), seconds))
    .filter((row) => row.items > 0 || row.pages > 0)
    .sort((a, b) => (b.evictionsPerSecond ?? 0) - (a.evictionsPerSecond ?? 0) || b.bytes - a.bytes);
  const evicting = classes.filter((row) => (row.evictionsPerSecond ?? 0) > 0);
  const readings: Reading[] = [];
  if (evicting.length > 0)
    readings.push({
      metric: 'memcached.evicted_age',
      value: Math.min(...evicting.map((row) => row.evictedAgeSeconds)),
      unit: 's',
    });
  return { readings, facts: { classes } };
}

function classRow(
  id: number,
  now: ReadonlyMap<string, number>,
  before: ReadonlyMap<string, number> | undefined,
  seconds: number | undefined,
): ClassRow {
  const value = (name: string) => now.get(name) ?? 0;
  // A class that was not there before began at 0.
  const perSecond = (name: string) => {
    const grown = seconds === undefined ? undefined : growth(before ? before.get(name) : 0, now.get(name));
    return grown === undefined || seconds === undefined ? undefined : grown / seconds;
  };
  const evictions = perSecond('evicted');
  const unfetched = perSecond('evicted_unfetched');
  const outOfMemory = perSecond('outofmemory');
  return {
    id,
    chunkBytes: value('chunk_size'),
    items: value('number'),
    bytes: value('mem_requested'),
    pages: value('total_pages'),
    evictedAgeSeconds: value('evicted_time'),
    ageSeconds: value('age'),
    ...(evictions === undefined ? {} : { evictionsPerSecond: evictions }),
    ...(unfetched === undefined ? {} : { unfetchedPerSecond: unfetched }),
    ...(outOfMemory === undefined ? {} : { outOfMemoryPerSecond: outOfMemory }),
  };
}

export function measureLatency(
  _previous: Timed<LatencySnapshot> | undefined,
  { snapshot }: Timed<LatencySnapshot>,
): Measured<MemcachedFacts> {
  const roundTripMs = median(snapshot.pairs.map((pair) => pair.roundTrip));
  const wayMs = median(snapshot.pairs.map((pair) => pair.way));
  // Of each pair by itself: what slows both for a moment is taken off.
  const operationMs = Math.max(0, median(snapshot.pairs.map((pair) => pair.roundTrip - pair.way)));
  // memjs's door is one hop more than a bare connection has.
  const upperBound = snapshot.protocol === 'binary';
  return {
    readings: [
      { metric: 'memcached.round_trip_ms', value: roundTripMs, unit: 'ms' },
      { metric: 'memcached.way_ms', value: wayMs, unit: 'ms' },
      { metric: 'memcached.operation_ms', value: operationMs, unit: 'ms' },
    ],
    facts: { latency: { roundTripMs, wayMs, tunnelled: snapshot.tunnelled, upperBound } },
  };
}

/** The middle one; of an even number the lower of the two. 0 of none. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? 0;
}
