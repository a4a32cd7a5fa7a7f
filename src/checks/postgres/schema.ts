/** A schema as far as it is compared: a dump and a living database come to the same texts. Names are quoted as SQL needs them. */
export interface Schema {
  /** "public.order_item" -> its columns -> "integer NOT NULL" */
  readonly tables: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly indexes: readonly Part[];
  readonly constraints: readonly Part[];
  /** Table of migrations -> what was applied: "shop.0003_order_item_order_index". */
  readonly migrations: ReadonlyMap<string, ReadonlySet<string>>;
}

export interface Part {
  readonly table: string;
  readonly name: string;
  /** Without its name: what another name makes no difference to. */
  readonly definition: string;
}

/** Tables in which frameworks note their migrations, and the columns that name one. */
export const MIGRATION_TABLES: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    django_migrations: ['app', 'name'],
    schema_migrations: ['version'],
    flyway_schema_history: ['version', 'description'],
    alembic_version: ['version_num'],
    knex_migrations: ['name'],
    _prisma_migrations: ['migration_name'],
    doctrine_migration_versions: ['version'],
    goose_db_version: ['version_id'],
  }),
);

/** "integer", a default and whether it may be NULL, in one form. Sequences' defaults differ by name only: left out. */
export function columnText(type: string, fallback: string, notNull: boolean): string {
  const default_ = fallback === '' || fallback.startsWith('nextval(') ? '' : ` DEFAULT ${oneLine(fallback)}`;
  return `${oneLine(type)}${default_}${notNull ? ' NOT NULL' : ''}`;
}

export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

/** "CREATE UNIQUE INDEX x ON ONLY public.t USING btree (a)" -> its table, name and the rest. */
export function indexPart(definition: string): Part | undefined {
  const found =
    /^CREATE (UNIQUE )?INDEX ((?:"(?:[^"]|"")*"|[^\s"]+)) ON (?:ONLY )?((?:"(?:[^"]|"")*"|[^\s".]+)\.(?:"(?:[^"]|"")*"|[^\s".]+)) (USING .*)$/s.exec(
      oneLine(definition),
    );
  if (!found) return undefined;
  const [, unique = '', name = '', table = '', rest = ''] = found;
  return { table, name, definition: `${unique}INDEX ${rest}` };
}
