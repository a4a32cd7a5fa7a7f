import type { UnindexedRelation } from './facts.ts';
import type { Catalogue } from './read-schema.ts';
import type { Schema, Table } from './schema.ts';

/**
 * Columns that point to rows of another table and are the first of no index. InnoDB makes an index for each foreign key
 * that is declared, so most are foreign keys by their name alone: `order_id` beside a table `order` or `orders`, or
 * one whose index went with its constraint. Other engines keep declarations without an index.
 */
export function unindexedRelations({ schemas, sizes }: Catalogue): UnindexedRelation[] {
  return sizes
    .flatMap(({ database, table, rows, dataBytes, indexBytes }) => {
      const schema = schemas.get(database);
      const known = schema?.tables.get(table);
      if (schema === undefined || known === undefined) return [];
      const first = new Set(known.indexes.flatMap((index) => firstColumn(index.columns)));
      return [...known.columns.keys()]
        .filter((column) => !first.has(column))
        .flatMap((column): UnindexedRelation[] => {
          const declared = known.relations.find((relation) => relation.columns[0] === column)?.table;
          const references = declared ?? pointsTo(column, table, schema);
          if (references === undefined) return [];
          return [
            {
              database,
              table,
              column,
              references,
              declared: declared !== undefined,
              rows,
              bytes: dataBytes + indexBytes,
              add: { index: indexName(known, column), algorithm: 'INPLACE', lock: 'NONE' },
            },
          ];
        });
    })
    .sort((a, b) => b.rows - a.rows);
}

/** A prefix of a column is no index of it for a join of whole values, but for texts it serves: it counts. */
function firstColumn(columns: readonly string[]): string[] {
  const [first] = columns;
  return first === undefined ? [] : [first.replace(/\(\d+\)$/, '')];
}

/**
 * `order_id`, `orderId`, `parent_order_id` -> the table that it names, in singular or plural, with or without a prefix;
 * empty where the name says that it points somewhere, and not where; undefined where it is no such name.
 */
function pointsTo(column: string, table: string, schema: Schema): string | undefined {
  const [, written, end] = /^(.+?)(_id|_ID|Id|ID|id)$/.exec(column) ?? [];
  const stem = written?.replace(/([a-z])([A-Z])/g, '$1_$2').toLowerCase();
  if (stem === undefined || stem.length < 2) return undefined;
  const words = stem.split('_').filter(Boolean);
  for (let from = 0; from < words.length; from++) {
    const name = words.slice(from).join('_');
    const forms = new Set([name, `${name}s`, `${name}es`, name.replace(/y$/, 'ies')]);
    const found = [...schema.tables.keys()].find((other) => {
      const low = other.toLowerCase();
      return forms.has(low) || [...forms].some((form) => low.endsWith(`_${form}`));
    });
    if (found !== undefined) return found;
  }
  // `parent_id` of a tree.
  if (stem === 'parent') return table;
  // `paid` is no name of a row.
  return end === 'id' ? undefined : '';
}

/** A name that the table does not use yet; at most 64 letters, which is what MySQL takes. */
function indexName(table: Table, column: string): string {
  const taken = new Set(table.indexes.map((index) => index.name.toLowerCase()));
  const base = `wr_${column}`.slice(0, 60);
  let name = base;
  for (let n = 2; taken.has(name.toLowerCase()); n++) name = `${base}_${n}`;
  return name;
}
