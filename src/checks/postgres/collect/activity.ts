import { z } from 'zod';
import type { PostgresClient } from '../../../targets/postgres-link.ts';
import { sqlState } from '../../../targets/sql-errors.ts';
import type { CollectContext, Timed } from '../../contract.ts';
import { ask, needMonitor, onServer } from '../ask.ts';
import { activityColumns, columnsOf, statementColumns, statementsSchema } from '../columns.ts';
import { type Explained, explainLong } from './explain-long.ts';
import { type Pools, readPools } from './pools.ts';
import { type UseSample, useSample } from './use-sample.ts';

export interface Activity {
  readonly pid: number;
  readonly backendStart: string;
  readonly role: string;
  readonly database: string;
  readonly address: string | null;
  readonly port: number | null;
  readonly application: string;
  readonly kind: string;
  readonly state: string;
  readonly querySeconds: number | null;
  readonly stateSeconds: number | null;
  readonly transactionSeconds: number | null;
  readonly waitType: string | null;
  readonly waitEvent: string | null;
  readonly queryId: string | null;
  readonly xminAge: number | null;
  readonly writes: boolean;
  /** As the server gives it, with its literals: it leaves the collector blank. */
  readonly query: string;
  /** The server keeps only the beginning of a long text. */
  readonly cut: boolean;
}

export interface LockWait {
  readonly pid: number;
  readonly by: readonly number[];
  readonly what: string;
}

/** Milliseconds of database time by role since the counters began. */
export interface RoleTime {
  readonly role: string;
  readonly ms: number;
}

export interface ActivitySnapshot {
  readonly ownRole: string;
  readonly rows: readonly Activity[];
  readonly waits: readonly LockWait[];
  readonly pools: Pools;
  /** The newest last; those of half a minute. */
  readonly window: readonly UseSample[];
  readonly explained: readonly Explained[];
}

const Row = z.object({
  pid: z.number(),
  backendStart: z.string(),
  role: z.string(),
  database: z.string(),
  address: z.string().nullable(),
  port: z.number().nullable(),
  application: z.string(),
  kind: z.string(),
  state: z.string(),
  querySeconds: z.number().nullable(),
  stateSeconds: z.number().nullable(),
  transactionSeconds: z.number().nullable(),
  waitType: z.string().nullable(),
  waitEvent: z.string().nullable(),
  queryId: z.string().nullable(),
  xminAge: z.number().nullable(),
  writes: z.boolean(),
  query: z.string(),
  cut: z.boolean(),
});

/** Sessions read at most; those that are not idle come first. */
const MOST_SESSIONS = 1000;
/** Whoever waits for a lock costs the lock manager a look each: the longest waiting are enough for the tree. */
const MOST_WAITING = 40;
const TEXT = 4096;
/** Long enough for two sums, short enough to see that a client is gone. */
const WINDOW_MS = 35_000;
/** The sum over all statements is dearer than the rest of a round. */
const ROLE_TIMES_EVERY_MS = 14_000;

/** What pg_stat_activity says of everybody but Warroom, who blocks whom, and who is behind the pooler: one moment. */
export async function collectActivity(
  context: CollectContext,
  previous: Timed<ActivitySnapshot> | undefined,
): Promise<ActivitySnapshot> {
  const before = previous?.snapshot;
  const pooled = readPools(context);
  const read = await onServer(context, async (client) => {
    await needMonitor(client, context.target.name);
    const rows = await activity(client);
    const at = Date.now();
    const last = before?.window.findLast((sample) => sample.roles !== undefined);
    const due = last === undefined || at - last.at >= ROLE_TIMES_EVERY_MS || at < last.at;
    const roles = due ? await roleTimes(client) : undefined;
    const waits = await lockWaits(client, rows);
    return { rows, waits, roles, at, role: client.role, database: client.database };
  });
  const pools = await pooled;
  const sample = useSample(read, pools);
  const explained = await explainLong(context, read.rows, read.database, before?.explained ?? []);
  return {
    ownRole: read.role,
    rows: read.rows,
    waits: read.waits,
    pools,
    // A clock that jumped makes samples that lie in the future, or long ago.
    window: [
      ...(before?.window ?? []).filter((old) => old.at < read.at && read.at - old.at <= WINDOW_MS),
      sample,
    ],
    explained,
  };
}

async function activity(client: PostgresClient): Promise<Activity[]> {
  const { queryId } = activityColumns((await columnsOf(client)).get('pg_stat_activity') ?? new Set());
  return ask(
    client,
    Row,
    `SELECT a.pid, a.backend_start::text AS "backendStart", coalesce(a.usename::text, '') AS role,
      coalesce(a.datname::text, '') AS database, host(a.client_addr) AS address, a.client_port AS port,
      coalesce(a.application_name, '') AS application, coalesce(a.backend_type, '') AS kind,
      coalesce(a.state, '') AS state,
      extract(epoch FROM clock_timestamp() - a.query_start)::float8 AS "querySeconds",
      extract(epoch FROM clock_timestamp() - a.state_change)::float8 AS "stateSeconds",
      extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS "transactionSeconds",
      a.wait_event_type AS "waitType", a.wait_event AS "waitEvent", ${queryId} AS "queryId",
      age(a.backend_xmin) AS "xminAge", a.backend_xid IS NOT NULL AS writes,
      CASE WHEN a.state = 'idle' THEN '' ELSE coalesce(left(a.query, ${TEXT}), '') END AS query,
      (octet_length(a.query) >= pg_size_bytes(current_setting('track_activity_query_size')) - 1
        OR length(a.query) > ${TEXT}) IS TRUE AS cut
    FROM pg_stat_activity a
    WHERE a.pid <> pg_backend_pid()
      AND NOT (a.application_name = 'warroom'
        AND (a.usename = current_user OR a.client_addr IS NOT DISTINCT FROM inet_client_addr()))
      AND (a.backend_type IN ('client backend', 'autovacuum worker', 'walsender', 'parallel worker'))
    ORDER BY a.state = 'idle', a.query_start
    LIMIT ${MOST_SESSIONS}`,
  );
}

const Blocked = z.object({ pid: z.number(), by: z.array(z.number()), what: z.string() });

async function lockWaits(client: PostgresClient, rows: readonly Activity[]): Promise<LockWait[]> {
  const waiting = rows
    .filter((row) => row.waitType === 'Lock')
    .sort((a, b) => (b.querySeconds ?? 0) - (a.querySeconds ?? 0))
    .slice(0, MOST_WAITING)
    .map((row) => row.pid);
  if (waiting.length === 0) return [];
  return ask(
    client,
    Blocked,
    `SELECT w.pid, pg_blocking_pids(w.pid) AS by,
      coalesce((SELECT l.mode || ' on ' || coalesce(n.nspname || '.' || c.relname, l.locktype)
        FROM pg_locks l LEFT JOIN pg_class c ON c.oid = l.relation
          AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE l.pid = w.pid AND NOT l.granted LIMIT 1), '') AS what
    FROM unnest($1::int[]) AS w(pid)`,
    [waiting],
  );
}

const Time = z.object({ role: z.string(), ms: z.number() });

/** undefined where there is no pg_stat_statements, or where it was not loaded. */
async function roleTimes(client: PostgresClient): Promise<RoleTime[] | undefined> {
  const schema = await statementsSchema(client);
  if (schema === undefined) return undefined;
  const { time } = statementColumns((await columnsOf(client)).get('pg_stat_statements') ?? new Set());
  try {
    return await ask(
      client,
      Time,
      `SELECT r.rolname::text AS role, sum(${time})::float8 AS ms
      FROM ${schema}.pg_stat_statements(false) s JOIN pg_roles r ON r.oid = s.userid GROUP BY 1`,
    );
  } catch (thrown) {
    if (sqlState(thrown) === '55000') return undefined;
    throw thrown;
  }
}
