import type { MysqlClient, MysqlRow } from '../../targets/mysql-link.ts';
import { plain } from '../rate.ts';
import type { TableSize } from './facts.ts';
import { number, quoted, text } from './rows.ts';
import {
  type Column,
  defaultText,
  EXPRESSION,
  extraText,
  type Index,
  MIGRATION_TABLES,
  type Relation,
  type Schema,
  typeText,
} from './schema.ts';

/** Databases of the server's own. */
const SYSTEM = "('mysql', 'sys', 'performance_schema', 'information_schema')";
export const MOST_TABLES = 2000;
const MOST_COLUMNS = 30_000;
const MOST_MIGRATIONS = 5000;

/** The structure of each database that our account may see, by its name. */
export interface Catalogue {
  readonly schemas: ReadonlyMap<string, Schema>;
  readonly sizes: readonly TableSize[];
  /** True where there is more than we read. */
  readonly limited: boolean;
}

/**
 * Read from information_schema; a database that is named is read alone. Tables that our account has no right on are not
 * there for it.
 */
export async function readCatalogue(client: MysqlClient, only?: string): Promise<Catalogue> {
  const where = only === undefined ? `TABLE_SCHEMA NOT IN ${SYSTEM}` : 'TABLE_SCHEMA = ?';
  const ask = (columns: string, from: string, rest: string, most: number) =>
    client.ask(
      `SELECT TABLE_SCHEMA AS db, TABLE_NAME AS tab, ${columns} FROM information_schema.${from} WHERE ${where} ${rest} LIMIT ${most}`,
      only === undefined ? [] : [only],
    );
  const tables = await ask(
    'ENGINE AS engine, TABLE_ROWS AS amount, DATA_LENGTH AS data, INDEX_LENGTH AS indexes',
    'TABLES',
    "AND TABLE_TYPE = 'BASE TABLE' ORDER BY 1, 2",
    MOST_TABLES,
  );
  const columns = await ask(
    'COLUMN_NAME AS name, COLUMN_TYPE AS type, IS_NULLABLE AS nullable, COLUMN_DEFAULT AS given, EXTRA AS extra',
    'COLUMNS',
    'ORDER BY 1, 2, ORDINAL_POSITION',
    MOST_COLUMNS,
  );
  const parts = await ask(
    'INDEX_NAME AS name, NON_UNIQUE AS loose, COLUMN_NAME AS part, SUB_PART AS length',
    'STATISTICS',
    'ORDER BY 1, 2, INDEX_NAME, SEQ_IN_INDEX',
    MOST_COLUMNS,
  );
  const keys = await ask(
    'CONSTRAINT_NAME AS name, COLUMN_NAME AS part, REFERENCED_TABLE_NAME AS other, REFERENCED_COLUMN_NAME AS referenced',
    'KEY_COLUMN_USAGE',
    'AND REFERENCED_TABLE_NAME IS NOT NULL ORDER BY 1, 2, CONSTRAINT_NAME, ORDINAL_POSITION',
    MOST_COLUMNS,
  );
  const sizes = tables.map(sizeOf);
  const schemas = assemble(sizes, columns, parts, keys);
  for (const [database, schema] of schemas)
    schemas.set(database, await withMigrations(client, database, schema));
  return { schemas, sizes, limited: tables.length >= MOST_TABLES || columns.length >= MOST_COLUMNS };
}

function sizeOf(row: MysqlRow): TableSize {
  return {
    database: text(row, 'db'),
    table: text(row, 'tab'),
    engine: plain(text(row, 'engine'), 30),
    rows: number(row, 'amount') ?? 0,
    dataBytes: number(row, 'data') ?? 0,
    indexBytes: number(row, 'indexes') ?? 0,
  };
}

interface Building {
  readonly columns: Map<string, Column>;
  readonly indexes: Map<string, Index & { readonly columns: string[] }>;
  readonly relations: Map<string, Relation & { readonly columns: string[]; readonly referenced: string[] }>;
}

function assemble(
  sizes: readonly TableSize[],
  columns: readonly MysqlRow[],
  parts: readonly MysqlRow[],
  keys: readonly MysqlRow[],
): Map<string, Schema> {
  const building = new Map<string, Map<string, Building>>();
  for (const { database, table } of sizes) {
    const tables = building.get(database) ?? new Map<string, Building>();
    building.set(
      database,
      tables.set(table, { columns: new Map(), indexes: new Map(), relations: new Map() }),
    );
  }
  const tableOf = (row: MysqlRow) => building.get(text(row, 'db'))?.get(text(row, 'tab'));
  for (const row of columns)
    tableOf(row)?.columns.set(text(row, 'name'), {
      type: typeText(text(row, 'type')),
      nullable: text(row, 'nullable') === 'YES',
      default: defaultText(row.get('given') === null ? undefined : text(row, 'given')),
      extra: extraText(text(row, 'extra')),
    });
  for (const row of parts) {
    const indexes = tableOf(row)?.indexes;
    const name = text(row, 'name');
    const index = indexes?.get(name) ?? { name, unique: number(row, 'loose') === 0, columns: [] };
    const length = number(row, 'length');
    index.columns.push(`${text(row, 'part') || EXPRESSION}${length === undefined ? '' : `(${length})`}`);
    indexes?.set(name, index);
  }
  for (const row of keys) {
    const relations = tableOf(row)?.relations;
    const name = text(row, 'name');
    const relation = relations?.get(name) ?? { name, columns: [], table: text(row, 'other'), referenced: [] };
    relation.columns.push(text(row, 'part'));
    relation.referenced.push(text(row, 'referenced'));
    relations?.set(name, relation);
  }
  return new Map(
    [...building].map(([database, tables]) => [
      database,
      {
        tables: new Map(
          [...tables].map(([name, table]) => [
            name,
            {
              columns: table.columns,
              indexes: [...table.indexes.values()],
              relations: [...table.relations.values()],
            },
          ]),
        ),
        migrations: new Set<string>(),
        keepsMigrations: false,
      },
    ]),
  );
}

async function withMigrations(client: MysqlClient, database: string, schema: Schema): Promise<Schema> {
  const found = new Set<string>();
  let keeps = false;
  for (const [table, wanted] of Object.entries(MIGRATION_TABLES)) {
    const columns = schema.tables.get(table)?.columns;
    // A table of the same name that is something else.
    if (columns === undefined || wanted.some((column) => !columns.has(column))) continue;
    keeps = true;
    const rows = await client.ask(
      `SELECT ${wanted.map(quoted).join(', ')} FROM ${quoted(database)}.${quoted(table)} LIMIT ${MOST_MIGRATIONS}`,
    );
    for (const row of rows) found.add(wanted.map((column) => text(row, column)).join(' '));
  }
  return { ...schema, migrations: found, keepsMigrations: keeps };
}
