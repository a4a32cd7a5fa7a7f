import type { Measured, Reading, Timed } from '../contract.ts';
import { growth, plain, secondsBetween } from '../rate.ts';
import type { ConfigSnapshot, PoolsSnapshot } from './collect.ts';
import type { Limits, PgbouncerFacts, PoolRow } from './facts.ts';

export function measurePools(
  previous: Timed<PoolsSnapshot> | undefined,
  current: Timed<PoolsSnapshot>,
): Measured<PgbouncerFacts> {
  const { databases } = current.snapshot;
  const pools = current.snapshot.pools
    .map((pool): PoolRow => {
      const database = databases.find((one) => one.name === pool.database);
      return {
        database: plain(pool.database, 63),
        role: plain(pool.user, 63),
        clientsActive: pool.cl_active,
        clientsWaiting: pool.cl_waiting,
        longestWait: pool.maxwait + pool.maxwait_us / 1e6,
        serversActive: pool.sv_active,
        serversIdle: pool.sv_idle + pool.sv_used,
        serversOpening: pool.sv_login,
        mode: plain(pool.pool_mode, 20),
        size: database ? database.pool_size + Math.max(database.reserve_pool, database.reserve_pool_size) : 0,
      };
    })
    .sort((a, b) => b.longestWait - a.longestWait || b.clientsWaiting - a.clientsWaiting);
  const sum = (of: (pool: PoolRow) => number) => pools.reduce((total, pool) => total + of(pool), 0);
  return {
    readings: [
      { metric: 'pgbouncer.clients_active', value: sum((pool) => pool.clientsActive), unit: 'count' },
      { metric: 'pgbouncer.clients_waiting', value: sum((pool) => pool.clientsWaiting), unit: 'count' },
      {
        metric: 'pgbouncer.longest_wait',
        value: Math.max(0, ...pools.map((pool) => pool.longestWait)),
        unit: 's',
      },
      { metric: 'pgbouncer.servers_active', value: sum((pool) => pool.serversActive), unit: 'count' },
      { metric: 'pgbouncer.servers_idle', value: sum((pool) => pool.serversIdle), unit: 'count' },
      ...rates(previous, current),
    ],
    facts: {
      pools,
      databases: databases.map((one) => ({
        name: plain(one.name, 63),
        goesTo: plain(`${one.host || 'socket'}:${one.port}/${one.database}`, 130),
        poolSize: one.pool_size,
        reserve: Math.max(one.reserve_pool, one.reserve_pool_size),
        current: one.current_connections,
        most: one.max_connections,
        paused: one.paused > 0,
        disabled: one.disabled > 0,
      })),
    },
  };
}

/** Sums over all databases; a restart of the pooler gives no rate. */
function rates(previous: Timed<PoolsSnapshot> | undefined, current: Timed<PoolsSnapshot>): Reading[] {
  const seconds = secondsBetween(previous, current);
  if (!previous || seconds === undefined) return [];
  const sums = { total_xact_count: 0, total_query_count: 0, total_wait_time: 0 };
  for (const now of current.snapshot.stats) {
    const before = previous.snapshot.stats.find((one) => one.database === now.database);
    if (!before) continue;
    for (const key of Object.keys(sums) as (keyof typeof sums)[]) {
      const grown = growth(before[key], now[key]);
      if (grown === undefined) return [];
      sums[key] += grown;
    }
  }
  return [
    { metric: 'pgbouncer.transactions', value: sums.total_xact_count / seconds, unit: '/s' },
    { metric: 'pgbouncer.queries', value: sums.total_query_count / seconds, unit: '/s' },
    { metric: 'pgbouncer.waiting_seconds', value: sums.total_wait_time / 1e6 / seconds, unit: 'cores' },
  ];
}

export function measureConfig(
  _previous: Timed<ConfigSnapshot> | undefined,
  { snapshot }: Timed<ConfigSnapshot>,
): Measured<PgbouncerFacts> {
  const number = (key: string) => {
    const value = Number(snapshot.get(key));
    return snapshot.has(key) && Number.isFinite(value) ? value : undefined;
  };
  const limits: { [K in keyof Limits]: Limits[K] | undefined } = {
    maxClientConn: number('max_client_conn'),
    defaultPoolSize: number('default_pool_size'),
    reservePoolSize: number('reserve_pool_size'),
    maxDbConnections: number('max_db_connections'),
    queryWaitTimeout: number('query_wait_timeout'),
    poolMode: snapshot.get('pool_mode'),
  };
  return {
    readings: [],
    facts: {
      limits: Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined)) as Limits,
    },
  };
}
