import { z } from 'zod';
import type { PostgresClient } from '../../../targets/postgres-link.ts';
import type { CollectContext, Timed } from '../../contract.ts';
import { secondsBetween } from '../../rate.ts';
import { blankSql } from '../../sql.ts';
import { ask, needMonitor, onServer } from '../ask.ts';
import { columnsOf, statementColumns, statementsSchema } from '../columns.ts';
import { explain, type Plan } from './explain.ts';
import { type ForeignKey, foreignKeysWithoutIndex } from './foreign-keys.ts';

const Table = z.object({
  oid: z.number(),
  schema: z.string(),
  table: z.string(),
  rows: z.number(),
  deadRows: z.number(),
  bytes: z.number(),
  sequential: z.number(),
  scanned: z.number(),
  byIndex: z.number(),
  written: z.number(),
  removed: z.number(),
  vacuumSeconds: z.number().nullable(),
  analyzeSeconds: z.number().nullable(),
});
export type TableCounter = z.infer<typeof Table>;

const Holder = z.object({ holder: z.string(), xminAge: z.number(), seconds: z.number().nullable() });

/** The dearest statement that names a foreign key's table and columns, with its plan. */
export interface KeyQuery {
  readonly at: number;
  readonly id: string;
  readonly query: string;
  readonly meanSeconds: number;
  readonly calls: number;
  readonly plan: Plan;
}

export interface TablesSnapshot {
  readonly tables: readonly TableCounter[];
  readonly foreignKeys: readonly ForeignKey[];
  readonly horizon: readonly z.infer<typeof Holder>[];
  /** By the constraint's oid. */
  readonly queries: ReadonlyMap<number, KeyQuery>;
}

const MOST_TABLES = 400;
const MOST_LOOKED_UP = 3;
const LOOK_AGAIN_MS = 60_000;
/** Full reads a second of fewer rows than this hurt nobody. */
const HURTS_ROWS_PER_SECOND = 1000;

/** Counters of tables, foreign keys without an index, and who keeps dead rows from going. */
export async function collectTables(
  context: CollectContext,
  previous: Timed<TablesSnapshot> | undefined,
): Promise<TablesSnapshot> {
  return onServer(context, async (client) => {
    await needMonitor(client, context.target.name);
    const tables = await readTables(client);
    const foreignKeys = await foreignKeysWithoutIndex(client);
    const horizon = await readHorizon(client);
    const seconds = secondsBetween(previous, { at: Date.now(), snapshot: undefined });
    const hurting =
      seconds === undefined ? [] : scanned(foreignKeys, previous?.snapshot.tables ?? [], tables, seconds);
    const queries = await keyQueries(client, hurting, previous?.snapshot.queries ?? new Map());
    return { tables, foreignKeys, horizon, queries };
  });
}

function readTables(client: PostgresClient): Promise<TableCounter[]> {
  const since = (...columns: string[]) =>
    `extract(epoch FROM now() - greatest(${columns.map((name) => `s.${name}`).join(', ')}))::float8`;
  // Sizes as vacuum last saw them: looking at the files of each table is dear.
  return ask(
    client,
    Table,
    `SELECT s.relid::int8 AS oid, s.schemaname::text AS schema, s.relname::text AS table,
      greatest(s.n_live_tup, c.reltuples, 0)::float8 AS rows, s.n_dead_tup::float8 AS "deadRows",
      (c.relpages::int8 * current_setting('block_size')::int)::float8 AS bytes, s.seq_scan::float8 AS sequential,
      s.seq_tup_read::float8 AS scanned, coalesce(s.idx_scan, 0)::float8 AS "byIndex",
      (s.n_tup_ins + s.n_tup_upd + s.n_tup_del)::float8 AS written, (s.n_tup_upd + s.n_tup_del)::float8 AS removed,
      ${since('last_vacuum', 'last_autovacuum')} AS "vacuumSeconds",
      ${since('last_analyze', 'last_autoanalyze')} AS "analyzeSeconds"
    FROM pg_stat_all_tables s JOIN pg_class c ON c.oid = s.relid
    WHERE s.schemaname !~ '^pg_' AND s.schemaname <> 'information_schema'
    ORDER BY s.seq_tup_read + s.n_tup_upd + s.n_tup_del DESC, c.relpages DESC LIMIT ${MOST_TABLES}`,
  );
}

/** The oldest that may still need old row versions: sessions, slots, standbys with feedback, prepared transactions. */
function readHorizon(client: PostgresClient) {
  return ask(
    client,
    Holder,
    `SELECT * FROM (
      SELECT 'session ' || pid || ' of ' || coalesce(usename::text, backend_type) || ' (' || coalesce(state, '') || ')' AS holder,
        greatest(age(backend_xmin), age(backend_xid)) AS "xminAge",
        extract(epoch FROM clock_timestamp() - xact_start)::float8 AS seconds
      FROM pg_stat_activity WHERE (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL) AND pid <> pg_backend_pid()
      UNION ALL
      SELECT 'slot ' || slot_name, greatest(age(xmin), age(catalog_xmin)), NULL FROM pg_replication_slots
      WHERE xmin IS NOT NULL OR catalog_xmin IS NOT NULL
      UNION ALL
      SELECT 'standby ' || application_name, age(backend_xmin), NULL FROM pg_stat_replication WHERE backend_xmin IS NOT NULL
      UNION ALL
      SELECT 'prepared transaction of ' || owner, age(transaction), extract(epoch FROM clock_timestamp() - prepared)::float8
      FROM pg_prepared_xacts
    ) AS h WHERE "xminAge" IS NOT NULL ORDER BY "xminAge" DESC LIMIT 5`,
  );
}

function scanned(
  keys: readonly ForeignKey[],
  before: readonly TableCounter[],
  now: readonly TableCounter[],
  seconds: number,
): ForeignKey[] {
  const rate = (key: ForeignKey) => {
    const was = before.find((table) => table.oid === key.tableOid);
    const is = now.find((table) => table.oid === key.tableOid);
    return was && is ? (is.scanned - was.scanned) / seconds : 0;
  };
  return keys
    .map((key) => ({ key, perSecond: rate(key) }))
    .filter((one) => one.perSecond >= HURTS_ROWS_PER_SECOND)
    .sort((a, b) => b.perSecond - a.perSecond)
    .map((one) => one.key);
}

const Query = z.object({
  id: z.string(),
  query: z.string(),
  role: z.string(),
  calls: z.number(),
  ms: z.number(),
  cut: z.boolean(),
});

/** For the few keys that hurt most: the dearest statement that names them, and how it is planned. */
async function keyQueries(
  client: PostgresClient,
  keys: readonly ForeignKey[],
  before: ReadonlyMap<number, KeyQuery>,
): Promise<ReadonlyMap<number, KeyQuery>> {
  const now = Date.now();
  const kept = new Map(
    keys.flatMap((key) => {
      const known = before.get(key.oid);
      return known && known.at <= now && now - known.at < LOOK_AGAIN_MS ? [[key.oid, known] as const] : [];
    }),
  );
  const schema = await statementsSchema(client);
  if (schema === undefined) return kept;
  const { time } = statementColumns((await columnsOf(client)).get('pg_stat_statements') ?? new Set());
  for (const key of keys.filter((one) => !kept.has(one.oid)).slice(0, MOST_LOOKED_UP)) {
    const found = await ask(
      client,
      Query,
      `SELECT s.queryid::text AS id, left(s.query, 4000) AS query, r.rolname::text AS role, s.calls::float8 AS calls,
        ${time}::float8 AS ms, length(s.query) > 4000 AS cut
      FROM ${schema}.pg_stat_statements(true) s JOIN pg_roles r ON r.oid = s.userid
      WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND s.query ~* '^\\s*(select|with|update|delete)\\M' AND s.query ~* ALL ($1::text[])
      ORDER BY ${time} DESC LIMIT 1`,
      [[key.table, ...key.columns].map((name) => `\\m${name.replace(/[^\w]/g, '.')}\\M`)],
    );
    const top = found[0];
    if (!top || top.calls === 0) continue;
    const plan = await explain(client, { text: top.query, cut: top.cut, role: top.role });
    kept.set(key.oid, {
      at: now,
      id: top.id,
      query: blankSql(top.query, 'postgres'),
      meanSeconds: top.ms / 1000 / top.calls,
      calls: top.calls,
      plan,
    });
  }
  return kept;
}
