import type { Measured, Reading, Timed, Unit } from '../contract.ts';
import { growth, secondsBetween, share } from '../rate.ts';
import { type ActivitySnapshot, isClient, isWorking } from './collect.ts';
import type { CatalogueSnapshot } from './collect-catalogue.ts';
import type { StatementsSnapshot } from './collect-statements.ts';
import type { Holder, MysqlFacts, Replication, SessionRow } from './facts.ts';
import { lockRoots } from './lock-tree.ts';
import { countedPatterns, sampledPatterns } from './patterns.ts';
import { countedUse, sampledUse } from './use.ts';

type MeasuredMysql = Measured<MysqlFacts>;

export function measureActivity(
  previous: Timed<ActivitySnapshot> | undefined,
  current: Timed<ActivitySnapshot>,
): MeasuredMysql {
  const { full, sessions, waits, longQueries, samples } = current.snapshot;
  // Of a server that lets nobody in nothing else is known.
  if (full) return { readings: [], facts: { full } };
  const use = sampledUse(samples, sessions);
  const plans = new Map(
    longQueries.map(({ id, plan }) => [sessions.find((one) => one.id === id)?.query ?? '', plan]),
  );
  const sampled = sampledPatterns(samples, plans);
  return {
    readings: [...gauges(current.snapshot), ...rates(previous, current)],
    facts: {
      full,
      sessions,
      holders: holdersOf(sessions),
      locks: waits,
      roots: lockRoots(waits),
      longQueries,
      ...(use ? { use } : {}),
      ...(sampled ? { sampled } : {}),
    },
  };
}

function gauges({ numbers, sessions, waits }: ActivitySnapshot): Reading[] {
  const of = (name: string) => numbers.get(name);
  const open = sessions.filter(isIdleInTransaction);
  const working = sessions.filter(isWorking);
  const total = of('innodb_buffer_pool_pages_total') ?? 0;
  // As many are kept free on purpose, for those that come next.
  const free = Math.max(0, (of('innodb_buffer_pool_pages_free') ?? 0) - (of('innodb_lru_scan_depth') ?? 0));
  return readings([
    ['mysql.connections', of('threads_connected'), 'count'],
    ['mysql.connections_max', of('max_connections'), 'count'],
    ['mysql.connections_share', share(of('threads_connected') ?? 0, of('max_connections') ?? 0), 'share'],
    ['mysql.running', of('threads_running'), 'count'],
    ['mysql.busy', working.length, 'count'],
    ['mysql.idle_transactions', open.length, 'count'],
    ['mysql.longest_idle_transaction', Math.max(0, ...open.map((one) => one.seconds)), 's'],
    ['mysql.longest_query', Math.max(0, ...working.map((one) => one.seconds)), 's'],
    ['mysql.lock_waiters', new Set(waits.map((wait) => wait.waiter)).size, 'count'],
    ['mysql.memory_given', of('innodb_buffer_pool_size'), 'B'],
    ['mysql.memory_used', of('innodb_buffer_pool_bytes_data'), 'B'],
    ['mysql.pool_free', share(free, total), 'share'],
    ['mysql.pool_dirty', share(of('innodb_buffer_pool_pages_dirty') ?? 0, total), 'share'],
    ['mysql.uptime', of('uptime'), 's'],
  ]);
}

function rates(previous: Timed<ActivitySnapshot> | undefined, current: Timed<ActivitySnapshot>): Reading[] {
  const span = secondsBetween(previous, current);
  const [before, now] = [previous?.snapshot.numbers, current.snapshot.numbers];
  if (!before || span === undefined) return [];
  // Its counters begin anew with a restart, and may soon be above the old ones.
  if ((now.get('uptime') ?? 0) < (before.get('uptime') ?? 0)) return [];
  const grown = (name: string) => growth(before.get(name), now.get(name));
  const rate = (name: string) => {
    const value = grown(name);
    return value === undefined ? undefined : value / span;
  };
  const requests = grown('innodb_buffer_pool_read_requests');
  const reads = grown('innodb_buffer_pool_reads');
  return readings([
    ['mysql.queries', rate('queries'), '/s'],
    ['mysql.slow', rate('slow_queries'), '/s'],
    ['mysql.refused', rate('connection_errors_max_connections'), '/s'],
    ['mysql.aborted', rate('aborted_connects'), '/s'],
    ['mysql.row_lock_waits', rate('innodb_row_lock_waits'), '/s'],
    ['mysql.pool_requests', rate('innodb_buffer_pool_read_requests'), 'pages/s'],
    ['mysql.pool_reads', rate('innodb_buffer_pool_reads'), 'pages/s'],
    ['mysql.pool_waits', rate('innodb_buffer_pool_wait_free'), '/s'],
    [
      'mysql.pool_hit_rate',
      requests === undefined || reads === undefined ? undefined : share(requests - reads, requests),
      'share',
    ],
  ]);
}

/** A transaction that is open while nobody works in it. */
export function isIdleInTransaction(session: SessionRow): boolean {
  return session.transaction !== undefined && session.command === 'Sleep';
}

function holdersOf(sessions: readonly SessionRow[]): Holder[] {
  const groups = new Map<string, SessionRow[]>();
  for (const session of sessions.filter(isClient)) {
    const key = JSON.stringify([session.user, session.address]);
    groups.set(key, [...(groups.get(key) ?? []), session]);
  }
  return [...groups.values()]
    .map((rows) => {
      const sleeping = rows.filter((row) => row.command === 'Sleep');
      return {
        user: rows[0]?.user ?? '',
        address: rows[0]?.address,
        sessions: rows.length,
        sleeping: sleeping.length,
        longestSleep: Math.max(0, ...sleeping.map((row) => row.seconds)),
      };
    })
    .sort((a, b) => b.sessions - a.sessions)
    .slice(0, 50);
}

export function measureStatements(
  previous: Timed<StatementsSnapshot> | undefined,
  current: Timed<StatementsSnapshot>,
): MeasuredMysql {
  const patterns = countedPatterns(previous, current);
  const use = countedUse(previous, current);
  return {
    readings: readings([
      [
        'mysql.statement_time',
        patterns?.source === 'performance_schema' ? patterns.busy : undefined,
        'count',
      ],
    ]),
    facts: {
      sourceNotes: current.snapshot.slowLog?.notes ?? [],
      ...(patterns ? { patterns } : {}),
      ...(use ? { use } : {}),
    },
  };
}

export function measureCatalogue(
  _previous: Timed<CatalogueSnapshot | undefined> | undefined,
  { snapshot }: Timed<CatalogueSnapshot | undefined>,
): MeasuredMysql {
  if (snapshot === undefined) return { readings: [], facts: {} };
  const { tables, unindexed, drift } = snapshot;
  const size = tables.reduce((sum, table) => sum + table.dataBytes + table.indexBytes, 0);
  return {
    readings: readings([['mysql.size', size, 'B']]),
    facts: { tables, unindexed, ...(drift ? { drift } : {}) },
  };
}

export function measureReplication(
  _previous: Timed<Replication> | undefined,
  { snapshot }: Timed<Replication>,
): MeasuredMysql {
  const lags = snapshot.channels.flatMap((channel) =>
    channel.behind === undefined ? [] : [Math.max(0, channel.behind - channel.delay)],
  );
  const known = lags.length > 0 && lags.length === snapshot.channels.length;
  return {
    readings: readings([['mysql.replica_lag', known ? Math.max(...lags) : undefined, 's']]),
    facts: { replication: snapshot },
  };
}

function readings(
  list: readonly (readonly [metric: string, value: number | undefined, unit: Unit])[],
): Reading[] {
  return list.flatMap(([metric, value, unit]) => (value === undefined ? [] : [{ metric, value, unit }]));
}
