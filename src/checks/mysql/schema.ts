/** The structure of databases, from a server's catalogue or from a dump: the same shape for both. */
export interface Schema {
  readonly tables: ReadonlyMap<string, Table>;
  /** Applied migrations, `app name`, of the tables in which tools keep them. */
  readonly migrations: ReadonlySet<string>;
  /** Whether such a table was seen at all: where it was not, there is nothing to compare. */
  readonly keepsMigrations: boolean;
}

export interface Table {
  readonly columns: ReadonlyMap<string, Column>;
  readonly indexes: readonly Index[];
  readonly relations: readonly Relation[];
}

export interface Column {
  /** `int unsigned`, without the width that newer servers leave out. */
  readonly type: string;
  readonly nullable: boolean;
  /** As the catalogue writes it; undefined for none. */
  readonly default: string | undefined;
  readonly extra: string;
}

export interface Index {
  readonly name: string;
  readonly unique: boolean;
  /** In their order; a part of a column as `name(10)`. */
  readonly columns: readonly string[];
}

export interface Relation {
  readonly name: string;
  readonly columns: readonly string[];
  readonly table: string;
  readonly referenced: readonly string[];
}

/** Tables in which migration tools keep what they applied, and the columns that name it. */
export const MIGRATION_TABLES: Readonly<Record<string, readonly string[]>> = {
  django_migrations: ['app', 'name'],
  schema_migrations: ['version'],
  alembic_version: ['version_num'],
  flyway_schema_history: ['version', 'description'],
  doctrine_migration_versions: ['version'],
  migrations: ['migration'],
  phinxlog: ['version', 'migration_name'],
};

/** `INT(11) UNSIGNED` -> `int unsigned`: widths of integers mean nothing, and MySQL 8 leaves them out. */
export function typeText(written: string): string {
  return written
    .toLowerCase()
    .replace(/\b(tinyint|smallint|mediumint|int|integer|bigint)\(\d+\)/g, '$1')
    .replace(/\binteger\b/g, 'int')
    .replace(/\s+/g, ' ')
    .replace(/,\s+/g, ',')
    .trim();
}

/** `current_timestamp()`, `CURRENT_TIMESTAMP(6)`, `'x'` and `x` -> the form in which all servers agree. */
export function defaultText(written: string | undefined): string | undefined {
  if (written === undefined || /^null$/i.test(written)) return undefined;
  const bare = written.replace(/^'(.*)'$/s, '$1').replaceAll("''", "'");
  return /^current_timestamp/i.test(bare) ? bare.toLowerCase().replace('()', '') : bare;
}

export function extraText(written: string): string {
  return written
    .toLowerCase()
    .replace(/default_generated/g, '')
    .replaceAll('current_timestamp()', 'current_timestamp')
    .replace(/\s+/g, ' ')
    .trim();
}

/** A part of an index that is no column: the catalogue of MySQL 8 gives it no name. */
export const EXPRESSION = '(expression)';
