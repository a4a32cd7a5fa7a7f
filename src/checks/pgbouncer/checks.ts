import { z } from 'zod';
import { figure } from '../../message/figures.ts';
import { defineCheck, type Evidence, type InstanceView, type Verdict } from '../contract.ts';
import { grade } from '../judging.ts';
import type { PgbouncerFacts, PoolDatabase, PoolRow } from './facts.ts';

type View = InstanceView<PgbouncerFacts>;

const Waiting = z.object({
  warn: z
    .number()
    .positive()
    .default(0.5)
    .describe(
      'Seconds that the first in a queue waits; shorter waits are bursts that a pool is there to smooth.',
    ),
  critical: z.number().positive().default(3).describe('Seconds; visitors begin to give up at about 3 s.'),
  clear: z.number().min(0).default(0.1).describe('Seconds; nobody notices a wait as short as this.'),
  clients: z
    .number()
    .min(0)
    .max(1)
    .default(0.9)
    .describe('Share of max_client_conn; when it is reached, new clients are refused.'),
});

export const waiting = defineCheck<PgbouncerFacts, z.infer<typeof Waiting>>({
  id: 'pgbouncer.waiting',
  question: 'Do clients wait for a pooled connection?',
  thresholds: Waiting,
  needs: ['pools'],
  falseAlarm: 'A batch job with a small pool of its own waits by design: it is meant to.',
  judge({ instances, thresholds }) {
    return instances.map((view) => ({
      ...verdictOf(view, thresholds),
      ...(instances.length > 1 ? { subject: view.instance } : {}),
    }));
  },
});

function verdictOf(view: View, thresholds: z.infer<typeof Waiting>): Verdict {
  const pools = view.facts.pools ?? [];
  const queued = pools.filter((pool) => pool.clientsWaiting > 0);
  const count = queued.reduce((sum, pool) => sum + pool.clientsWaiting, 0);
  const worst = queued[0];
  const value = worst?.longestWait ?? 0;
  const stopped = (view.facts.databases ?? []).filter((one) => one.paused || one.disabled);
  const evidence = [
    poolTable(view),
    ...limitTable(view),
    ...(stopped.length > 0 ? [databaseTable(stopped)] : []),
  ];
  const waitsForStopped = queued.some((pool) => stopped.some((one) => one.name === pool.database));
  const first = stopped[0];
  if (first)
    return {
      level: waitsForStopped ? 'critical' : 'warn',
      certain: waitsForStopped,
      summary: `Database ${first.name} is ${first.paused ? 'paused' : 'disabled'} in PgBouncer; ${count} ${count === 1 ? 'client waits' : 'clients wait'}, the longest for ${figure(value, 's')} (limit ${figure(thresholds.warn, 's')}).`,
      value,
      unit: 's',
      threshold: thresholds.warn,
      evidence,
      advice: `On its console: ${first.paused ? 'RESUME' : 'ENABLE'} ${first.name}; once what it was stopped for is done.`,
    };
  const { level, cleared, threshold } = grade(value, thresholds, 'above');
  const most = view.facts.limits?.maxClientConn;
  const clients = pools.reduce((sum, pool) => sum + pool.clientsActive + pool.clientsWaiting, 0);
  if (level === 'ok' && most !== undefined && most > 0 && clients / most > thresholds.clients)
    return {
      level: 'warn',
      cleared: false,
      summary: `${clients} of ${most} client connections are taken (limit ${figure(thresholds.clients, 'share')}): new ones will be refused.`,
      value: clients / most,
      unit: 'share',
      threshold: thresholds.clients,
      evidence,
      advice:
        'See who holds them (pgbouncer clients); raise max_client_conn and the limit of open files with it.',
    };
  return {
    level,
    cleared,
    summary:
      count === 0
        ? `No client waits for a connection; ${clients} are served.`
        : `${count} ${count === 1 ? 'client waits' : 'clients wait'} for a connection, the longest for ${figure(value, 's')} (limit ${figure(threshold, 's')})${worst ? `: pool ${worst.database}/${worst.role}, ${worst.serversActive} of ${worst.size || '?'} connections at work` : ''}.`,
    value,
    unit: 's',
    threshold,
    evidence,
    ...(level === 'ok' || !worst ? {} : { advice: adviceFor(worst) }),
  };
}

function adviceFor(pool: PoolRow): string {
  if (pool.serversActive === 0)
    return "The pool has no connection to the database at all: see whether the database answers, and PgBouncer's log.";
  if (pool.mode === 'session')
    return 'In session mode a client keeps its connection until it leaves: pool_mode = transaction needs far fewer.';
  return 'Every connection of the pool is at work. First see what they do (postgres.long-queries, locks, idle-in-transaction); only when all of that is short, a larger default_pool_size helps.';
}

export function poolTable(view: Pick<View, 'instance' | 'facts'>, most = 8): Evidence {
  return {
    kind: 'table',
    title: `Pools on ${view.instance}`,
    columns: [
      { name: 'database' },
      { name: 'role' },
      { name: 'clients' },
      { name: 'waiting' },
      { name: 'longest', unit: 's' },
      { name: 'at work' },
      { name: 'free' },
      { name: 'size' },
      { name: 'mode' },
    ],
    rows: (view.facts.pools ?? [])
      .slice(0, most)
      .map((pool) => [
        pool.database,
        pool.role,
        pool.clientsActive,
        pool.clientsWaiting,
        pool.longestWait,
        pool.serversActive,
        pool.serversIdle,
        pool.size || null,
        pool.mode,
      ]),
  };
}

export function databaseTable(rows: readonly PoolDatabase[], most = 15): Evidence {
  return {
    kind: 'table',
    title: 'Databases as clients call them',
    columns: [
      { name: 'database' },
      { name: 'goes to' },
      { name: 'pool' },
      { name: 'reserve' },
      { name: 'connections' },
      { name: 'state' },
    ],
    rows: rows
      .slice(0, most)
      .map((one) => [
        one.name,
        one.goesTo,
        one.poolSize,
        one.reserve,
        one.current,
        one.paused ? 'paused' : one.disabled ? 'disabled' : 'open',
      ]),
  };
}

function limitTable(view: View): Evidence[] {
  const { limits } = view.facts;
  if (!limits) return [];
  const rows: [string, string | number | undefined][] = [
    ['max_client_conn', limits.maxClientConn],
    ['default_pool_size', limits.defaultPoolSize],
    ['reserve_pool_size', limits.reservePoolSize],
    ['max_db_connections', limits.maxDbConnections],
    ['query_wait_timeout', limits.queryWaitTimeout],
    ['pool_mode', limits.poolMode],
  ];
  return [
    {
      kind: 'table',
      title: 'Limits',
      columns: [{ name: 'setting' }, { name: 'value' }],
      rows: rows.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    },
  ];
}
