import { z } from 'zod';
import { WarroomError } from '../../../errors/catalogue.ts';
import type { PostgresClient } from '../../../targets/postgres-link.ts';
import { sqlState } from '../../../targets/sql-errors.ts';
import type { CollectContext, Timed } from '../../contract.ts';
import { blankSql } from '../../sql.ts';
import { ask, needMonitor, onServer } from '../ask.ts';
import { columnsOf, statementColumns, statementsSchema } from '../columns.ts';

const Row = z.object({
  id: z.string(),
  role: z.string(),
  database: z.string(),
  calls: z.number(),
  ms: z.number(),
  rows: z.number(),
  reads: z.number(),
});
export type StatementCounter = z.infer<typeof Row>;

export interface StatementsSnapshot {
  readonly counters: readonly StatementCounter[];
  /** Texts, literals blank, of those that were busiest lately; they are read once and carried along. */
  readonly texts: ReadonlyMap<string, string>;
}

/** Statements followed: the dearest and the most frequent. */
const MOST_DEAR = 800;
const MOST_FREQUENT = 400;
const MOST_TEXTS = 30;
const TEXTS_KEPT = 400;

/** Counters of pg_stat_statements, Warroom's own left out, without its file of texts; then the texts of the few that stand out. */
export async function collectStatements(
  context: CollectContext,
  previous: Timed<StatementsSnapshot> | undefined,
): Promise<StatementsSnapshot> {
  return onServer(context, async (client) => {
    await needMonitor(client, context.target.name);
    const schema = await neededSchema(client, context.target.name);
    const counters = await orNotLoaded(client, context.target.name, () => read(client, schema));
    const before = previous?.snapshot;
    const wanted = standingOut(before?.counters ?? [], counters).filter((id) => !before?.texts.has(id));
    const texts = new Map([...(before?.texts ?? [])].slice(-TEXTS_KEPT));
    for (const [id, text] of await textsOf(client, schema, wanted)) texts.set(id, text);
    return { counters, texts };
  });
}

async function read(client: PostgresClient, schema: string): Promise<StatementCounter[]> {
  const { time, reads } = statementColumns((await columnsOf(client)).get('pg_stat_statements') ?? new Set());
  return ask(
    client,
    Row,
    `WITH s AS MATERIALIZED (
      SELECT s.queryid, s.userid, s.dbid, sum(s.calls) AS calls, sum(${time}) AS ms, sum(s.rows) AS rows,
        sum(${reads}) AS reads
      FROM ${schema}.pg_stat_statements(false) s
      WHERE s.queryid IS NOT NULL AND s.userid <> (SELECT oid FROM pg_roles WHERE rolname = current_user) GROUP BY 1, 2, 3
    ), top AS (
      (SELECT * FROM s ORDER BY ms DESC LIMIT ${MOST_DEAR})
      UNION (SELECT * FROM s ORDER BY calls DESC LIMIT ${MOST_FREQUENT})
    )
    SELECT t.queryid::text AS id, coalesce(r.rolname::text, '') AS role, coalesce(d.datname::text, '') AS database,
      t.calls::float8 AS calls, t.ms::float8 AS ms, t.rows::float8 AS rows, t.reads::float8 AS reads
    FROM top t LEFT JOIN pg_roles r ON r.oid = t.userid LEFT JOIN pg_database d ON d.oid = t.dbid`,
  );
}

const Text = z.object({ id: z.string(), query: z.string() });

async function textsOf(
  client: PostgresClient,
  schema: string,
  ids: readonly string[],
): Promise<[string, string][]> {
  if (ids.length === 0) return [];
  const rows = await ask(
    client,
    Text,
    `SELECT DISTINCT ON (s.queryid) s.queryid::text AS id, left(s.query, 4000) AS query
    FROM ${schema}.pg_stat_statements(true) s WHERE s.queryid = ANY($1::bigint[]) AND s.query IS NOT NULL`,
    [ids],
  );
  return rows.map((row) => [row.id, blankSql(row.query, 'postgres')]);
}

/** Ids of those that took most time or were called most since the snapshot before. */
function standingOut(before: readonly StatementCounter[], now: readonly StatementCounter[]): string[] {
  const old = new Map(before.map((row) => [keyOf(row), row]));
  const grown = now.map((row) => {
    const was = old.get(keyOf(row));
    return { id: row.id, ms: row.ms - (was?.ms ?? 0), calls: row.calls - (was?.calls ?? 0) };
  });
  const top = (by: 'ms' | 'calls') => [...grown].sort((a, b) => b[by] - a[by]).slice(0, MOST_TEXTS / 2);
  return [...new Set([...top('ms'), ...top('calls')].map((row) => row.id))];
}

export function keyOf(row: Pick<StatementCounter, 'id' | 'role' | 'database'>): string {
  return `${row.id} ${row.role} ${row.database}`;
}

async function neededSchema(client: PostgresClient, target: string): Promise<string> {
  const schema = await statementsSchema(client);
  if (schema !== undefined) return schema;
  throw noStatements(client, target, await isLoaded(client));
}

async function orNotLoaded<R>(client: PostgresClient, target: string, work: () => Promise<R>): Promise<R> {
  try {
    return await work();
  } catch (thrown) {
    if (sqlState(thrown) === '55000') throw noStatements(client, target, false);
    throw thrown;
  }
}

async function isLoaded(client: PostgresClient): Promise<boolean> {
  const [row] = await client.rows("SELECT current_setting('shared_preload_libraries', true) AS libraries");
  return String(row?.['libraries'] ?? '').includes('pg_stat_statements');
}

function noStatements(client: PostgresClient, target: string, loaded: boolean): WarroomError {
  const create = `in database ${client.database}, as a superuser: CREATE EXTENSION IF NOT EXISTS pg_stat_statements;`;
  return new WarroomError('NO_RIGHT', {
    target,
    what: 'see which statements cost most: pg_stat_statements is not there',
    mend: loaded
      ? `${create[0]?.toUpperCase()}${create.slice(1)}`
      : `In postgresql.conf: shared_preload_libraries = 'pg_stat_statements' (beside what is there), restart; then ${create}`,
  });
}
