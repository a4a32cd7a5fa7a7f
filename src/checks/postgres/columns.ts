import { z } from 'zod';
import type { PostgresClient } from '../../targets/postgres-link.ts';
import { ask, quoteName } from './ask.ts';

/**
 * Which columns the views of this server have. Statements are built from these lists and never from the version: after
 * pg_upgrade an extension keeps its old columns. Run against a live 15; 14, 16, 17 and 18 are covered by their lists of
 * columns (test/fixtures/postgres/VERSION/columns), not by servers.
 */
export type Columns = ReadonlyMap<string, ReadonlySet<string>>;

const VIEWS = [
  'pg_stat_activity',
  'pg_stat_statements',
  'pg_stat_progress_vacuum',
  'pg_replication_slots',
] as const;

const KEY = 'columns';
const Row = z.object({ view: z.string(), schema: z.string(), columns: z.array(z.string()) });

/** Read once a session; `again` reads them anew, as after CREATE EXTENSION. */
export async function columnsOf(client: PostgresClient, again = false): Promise<Columns> {
  const known = client.remembered.get(KEY) as Columns | undefined;
  if (known && !again) return known;
  const rows = await ask(
    client,
    Row,
    `SELECT c.relname::text AS view, n.nspname::text AS schema, array_agg(a.attname::text) AS columns
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     LEFT JOIN pg_depend d ON d.objid = c.oid AND d.deptype = 'e'
     LEFT JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'pg_stat_statements'
     WHERE c.relname = ANY($1::text[]) AND (n.nspname = 'pg_catalog' OR e.oid IS NOT NULL)
     GROUP BY 1, 2`,
    [VIEWS],
  );
  const columns: Columns = new Map(rows.map((row) => [row.view, new Set(row.columns)]));
  client.remembered.set(KEY, columns);
  const statements = rows.find((row) => row.view === 'pg_stat_statements');
  if (statements) client.remembered.set('statements', quoteName(statements.schema));
  return columns;
}

/** The quoted schema of pg_stat_statements; undefined where this database has none. */
export async function statementsSchema(client: PostgresClient): Promise<string | undefined> {
  const columns = await columnsOf(client);
  if (!columns.has('pg_stat_statements')) await columnsOf(client, true);
  return client.remembered.get('statements') as string | undefined;
}

export interface StatementColumns {
  /** Milliseconds. */
  readonly time: string;
  readonly reads: string;
}

/** Up to extension 1.7 (PostgreSQL 12) one time stood for planning and running. */
export function statementColumns(has: ReadonlySet<string>): StatementColumns {
  return {
    time: has.has('total_exec_time') ? 's.total_exec_time' : 's.total_time',
    reads: 's.shared_blks_read + s.local_blks_read',
  };
}

/** query_id came with 14. */
export function activityColumns(has: ReadonlySet<string>): { readonly queryId: string } {
  return { queryId: has.has('query_id') ? 'a.query_id::text' : 'NULL::text' };
}

/** How full a vacuum's memory for dead rows is: counted in rows up to 16, in bytes from 17 on. */
export function vacuumColumns(has: ReadonlySet<string>): {
  readonly dead: string;
  readonly deadMost: string;
} {
  return has.has('num_dead_tuples')
    ? { dead: 'p.num_dead_tuples', deadMost: 'p.max_dead_tuples' }
    : { dead: 'p.dead_tuple_bytes', deadMost: 'p.max_dead_tuple_bytes' };
}

/** wal_status came with 13. */
export function slotColumns(has: ReadonlySet<string>): { readonly status: string } {
  return { status: has.has('wal_status') ? 's.wal_status' : 'NULL::text' };
}
