import type { Difference } from './facts.ts';
import type { Column, Index, Schema, Table } from './schema.ts';

/** More are counted and not listed. */
export const MOST_DIFFERENCES = 200;

/** What the database at hand has otherwise than the reference: `here` and `reference` say it as a person would. */
export function compareSchemas(here: Schema, reference: Schema): Difference[] {
  const found: Difference[] = [];
  for (const [name, table] of reference.tables) {
    const own = here.tables.get(name);
    if (own === undefined)
      found.push({ kind: 'table', name, here: 'none', reference: 'a table', what: 'missing' });
    else found.push(...compareTables(name, own, table));
  }
  for (const name of here.tables.keys())
    if (!reference.tables.has(name))
      found.push({ kind: 'table', name, here: 'a table', reference: 'none', what: 'extra' });
  if (here.keepsMigrations && reference.keepsMigrations && reference.migrations.size > 0) {
    for (const name of reference.migrations)
      if (!here.migrations.has(name))
        found.push({ kind: 'migration', name, here: 'not applied', reference: 'applied', what: 'missing' });
    for (const name of here.migrations)
      if (!reference.migrations.has(name))
        found.push({ kind: 'migration', name, here: 'applied', reference: 'not applied', what: 'extra' });
  }
  return found;
}

function compareTables(table: string, here: Table, reference: Table): Difference[] {
  return [
    ...compareMaps('column', table, here.columns, reference.columns, columnText),
    ...compareMaps('index', table, byMeaning(here), byMeaning(reference), (text) => text),
    ...compareMaps('constraint', table, relations(here), relations(reference), (text) => text),
  ];
}

function compareMaps<T>(
  kind: Difference['kind'],
  table: string,
  here: ReadonlyMap<string, T>,
  reference: ReadonlyMap<string, T>,
  say: (value: T) => string,
): Difference[] {
  return [...new Set([...reference.keys(), ...here.keys()])].flatMap((key): Difference[] => {
    const [own, other] = [here.get(key), reference.get(key)];
    const said = {
      here: own === undefined ? 'none' : say(own),
      reference: other === undefined ? 'none' : say(other),
    };
    const name = `${table}.${key}`;
    if (other === undefined) return [{ kind, name, ...said, what: 'extra' }];
    if (own === undefined) return [{ kind, name, ...said, what: 'missing' }];
    if (JSON.stringify(own) === JSON.stringify(other)) return [];
    // Values of defaults are not shown; that they differ is.
    const mine = said.here === said.reference ? `${said.here} (another default)` : said.here;
    return [{ kind, name, ...said, here: mine, what: 'different' }];
  });
}

/** An index is what it covers: its name differs between tools and means nothing to a query. */
function byMeaning(table: Table): Map<string, string> {
  return new Map(
    table.indexes.map((index) => [
      `(${index.columns.join(', ')})${index.unique ? ' unique' : ''}`,
      indexText(index),
    ]),
  );
}

function indexText(index: Index): string {
  return `${index.name === 'PRIMARY' ? 'primary key' : index.unique ? 'unique index' : 'index'} (${index.columns.join(', ')})`;
}

function relations(table: Table): Map<string, string> {
  return new Map(
    table.relations.map((one) => {
      const text = `${one.columns.join(', ')} -> ${one.table} (${one.referenced.join(', ')})`;
      return [text, `foreign key ${text}`];
    }),
  );
}

function columnText(column: Column): string {
  const given =
    column.default === undefined
      ? ''
      : ` default ${/^(current_timestamp|-?\d)/.test(column.default) ? column.default : '…'}`;
  return `${column.type}${column.nullable ? '' : ' not null'}${given}${column.extra === '' ? '' : ` ${column.extra}`}`;
}
