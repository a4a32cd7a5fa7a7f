import { readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import { reason, WarroomError } from '../../../errors/catalogue.ts';
import type { PostgresClient } from '../../../targets/postgres-link.ts';
import { postgresLink } from '../../../targets/postgres-link.ts';
import { sqlState } from '../../../targets/sql-errors.ts';
import type { CollectContext, Timed } from '../../contract.ts';
import { ask, onServer, quoteName } from '../ask.ts';
import { parseDump } from '../dump.ts';
import { columnText, indexPart, MIGRATION_TABLES, oneLine, type Part, type Schema } from '../schema.ts';

export interface SchemaSnapshot {
  /** undefined: nothing to compare with is configured, or this is a replica. */
  readonly reference?: Reference;
  readonly here?: Schema;
  /** Why its migrations could not be read. */
  readonly problem?: string;
}

export interface Reference {
  /** A file's path, or "the URL in reference": the URL itself may hold a password. */
  readonly name: string;
  /** Of a file: with the same stamp it is not read again. */
  readonly stamp: string;
  readonly schema: Schema;
}

const MOST_FILE_BYTES = 8 * 1024 * 1024;
const MOST_COLUMNS = 50_000;
const MOST_PARTS = 20_000;

/** The schema here and the one that was tested, in one form. Only of a primary: its replicas have the same. */
export async function collectSchema(
  context: CollectContext,
  previous: Timed<SchemaSnapshot> | undefined,
): Promise<SchemaSnapshot> {
  const { place } = context;
  const wanted = place.service && place.stack.service(place.service.name, 'postgres')?.config.reference;
  if (wanted === undefined || place.server?.role === 'replica') return {};
  const reference =
    typeof wanted === 'string' && !/^postgres(ql)?:/.test(wanted)
      ? await fromFile(wanted, previous?.snapshot.reference)
      : await context.link(postgresLink, wanted, async (client) => ({
          name: 'the database that "reference" names',
          stamp: '',
          schema: (await readSchema(client)).schema,
        }));
  const { schema, problem } = await onServer(context, readSchema);
  return { reference, here: schema, ...(problem === undefined ? {} : { problem }) };
}

async function fromFile(path: string, before: Reference | undefined): Promise<Reference> {
  const wrong = (problem: string, thrown?: unknown) =>
    new WarroomError(
      'NO_RIGHT',
      {
        target: path,
        what: `compare the schema: ${problem}`,
        mend: `On the tested environment: pg_dump --schema-only DATABASE > ${path}; for the names of migrations too: pg_dump --data-only --table=django_migrations DATABASE >> ${path}`,
      },
      thrown,
    );
  try {
    const { size, mtimeMs } = await stat(path);
    const stamp = `${size} ${mtimeMs}`;
    if (before?.name === path && before.stamp === stamp) return before;
    if (size > MOST_FILE_BYTES) throw wrong(`the file is larger than ${MOST_FILE_BYTES} bytes`);
    const schema = parseDump(await readFile(path, 'utf8'));
    if (schema.tables.size === 0) throw wrong('there is no CREATE TABLE in the file; is it a plain dump?');
    return { name: path, stamp, schema };
  } catch (thrown) {
    if (thrown instanceof WarroomError) throw thrown;
    throw wrong(reason(thrown), thrown);
  }
}

const Column = z.object({
  table: z.string(),
  column: z.string(),
  type: z.string(),
  fallback: z.string(),
  notNull: z.boolean(),
});
const Index = z.object({ definition: z.string(), valid: z.boolean() });
const Constraint = z.object({ table: z.string(), name: z.string(), definition: z.string() });

const OURS = `n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_' AND NOT c.relispartition
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')`;
const TABLE = `quote_ident(n.nspname) || '.' || quote_ident(c.relname)`;

async function readSchema(client: PostgresClient): Promise<{ schema: Schema; problem?: string }> {
  const columns = await ask(
    client,
    Column,
    `SELECT ${TABLE} AS table, quote_ident(a.attname) AS column, format_type(a.atttypid, a.atttypmod) AS type,
      coalesce(CASE WHEN a.attgenerated = '' THEN pg_get_expr(f.adbin, f.adrelid) END, '') AS fallback,
      a.attnotnull AS "notNull"
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef f ON f.adrelid = c.oid AND f.adnum = a.attnum
    WHERE c.relkind IN ('r', 'p') AND ${OURS} ORDER BY c.oid, a.attnum LIMIT ${MOST_COLUMNS}`,
  );
  const indexes = await ask(
    client,
    Index,
    `SELECT pg_get_indexdef(i.indexrelid) AS definition, i.indisvalid AS valid
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE ${OURS} AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
    ORDER BY i.indexrelid LIMIT ${MOST_PARTS}`,
  );
  const constraints = await ask(
    client,
    Constraint,
    `SELECT ${TABLE} AS table, quote_ident(k.conname) AS name, pg_get_constraintdef(k.oid) AS definition
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE k.contype IN ('p', 'u', 'f', 'c', 'x') AND k.conparentid = 0 AND ${OURS} ORDER BY k.oid LIMIT ${MOST_PARTS}`,
  );
  const tables = new Map<string, Map<string, string>>();
  for (const { table, column, type, fallback, notNull } of columns)
    tables.set(table, (tables.get(table) ?? new Map()).set(column, columnText(type, fallback, notNull)));
  const { migrations, problem } = await readMigrations(client, tables);
  return {
    schema: {
      tables,
      // An invalid index is there and serves nobody.
      indexes: indexes.flatMap(
        (row): Part[] => (row.valid ? (indexPart(row.definition) ?? []) : []) as Part[],
      ),
      constraints: constraints.map((row) => ({ ...row, definition: oneLine(row.definition) })),
      migrations,
    },
    ...(problem === undefined ? {} : { problem }),
  };
}

const Name = z.object({ name: z.string() });

async function readMigrations(
  client: PostgresClient,
  tables: ReadonlyMap<string, ReadonlyMap<string, string>>,
): Promise<{ migrations: Map<string, ReadonlySet<string>>; problem?: string }> {
  const migrations = new Map<string, ReadonlySet<string>>();
  let problem: string | undefined;
  for (const [table, columns] of tables) {
    const bare = table.slice(table.indexOf('.') + 1);
    const naming = MIGRATION_TABLES.get(bare);
    if (!naming?.every((name) => columns.has(quoteName(name)))) continue;
    try {
      const cells = naming.map((name) => `coalesce(${quoteName(name)}::text, '')`).join(` || '.' || `);
      const rows = await ask(client, Name, `SELECT ${cells} AS name FROM ${table} LIMIT 20000`);
      migrations.set(bare, new Set(rows.map((row) => row.name)));
    } catch (thrown) {
      if (sqlState(thrown) !== '42501') throw thrown;
      const role = quoteName(client.role);
      const schema = table.slice(0, table.length - bare.length - 1);
      problem = `${table} may not be read. As a superuser: GRANT USAGE ON SCHEMA ${schema} TO ${role}; GRANT SELECT ON ${table} TO ${role};`;
    }
  }
  return { migrations, ...(problem === undefined ? {} : { problem }) };
}
