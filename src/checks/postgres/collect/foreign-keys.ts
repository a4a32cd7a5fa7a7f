import { z } from 'zod';
import type { PostgresClient } from '../../../targets/postgres-link.ts';
import { ask, quoteName } from '../ask.ts';

const Key = z.object({
  oid: z.number(),
  name: z.string(),
  schema: z.string(),
  table: z.string(),
  tableOid: z.number(),
  columns: z.array(z.string()),
  parent: z.string(),
  parentOid: z.number(),
  rows: z.number(),
  bytes: z.number(),
  /** Conditions of partial indexes that begin with the columns; only "IS NOT NULL" of one of them covers the key. */
  partial: z.array(z.string()),
});
export type ForeignKey = z.infer<typeof Key>;

const MOST = 100;

/**
 * Foreign keys whose columns, in any order, no valid index of the table begins with; the largest tables first. Keys of
 * partitions are left out: their parent's stands for them.
 */
export async function foreignKeysWithoutIndex(client: PostgresClient): Promise<ForeignKey[]> {
  const keys = await ask(
    client,
    Key,
    `WITH fk AS (
      SELECT k.oid, k.conname, k.conrelid, k.confrelid, k.conkey, cardinality(k.conkey) AS n
      FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
      WHERE k.contype = 'f' AND k.conparentid = 0 AND NOT c.relispartition
    ), covering AS (
      SELECT fk.oid, i.indpred IS NULL AS whole, pg_get_expr(i.indpred, i.indrelid) AS condition
      FROM fk JOIN pg_index i ON i.indrelid = fk.conrelid AND i.indisvalid AND i.indnkeyatts >= fk.n
      JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam AND m.amname IN ('btree', 'hash')
      WHERE (string_to_array(i.indkey::text, ' ')::int2[])[1:fk.n] @> fk.conkey
        AND (string_to_array(i.indkey::text, ' ')::int2[])[1:fk.n] <@ fk.conkey
    )
    SELECT fk.oid::int8 AS oid, fk.conname::text AS name, n.nspname::text AS schema, c.relname::text AS table,
      fk.conrelid::int8 AS "tableOid", fk.confrelid::int8 AS "parentOid",
      (SELECT array_agg(a.attname::text ORDER BY array_position(fk.conkey, a.attnum)) FROM pg_attribute a
        WHERE a.attrelid = fk.conrelid AND a.attnum = ANY(fk.conkey)) AS columns,
      pn.nspname || '.' || p.relname AS parent, greatest(c.reltuples, 0)::float8 AS rows,
      (c.relpages::int8 * current_setting('block_size')::int)::float8 AS bytes,
      coalesce((SELECT array_agg(v.condition) FROM covering v WHERE v.oid = fk.oid AND v.condition IS NOT NULL), '{}') AS partial
    FROM fk JOIN pg_class c ON c.oid = fk.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_class p ON p.oid = fk.confrelid JOIN pg_namespace pn ON pn.oid = p.relnamespace
    WHERE NOT EXISTS (SELECT FROM covering v WHERE v.oid = fk.oid AND v.whole)
    ORDER BY c.reltuples DESC LIMIT ${MOST}`,
  );
  return keys.filter((key) => !key.partial.some((condition) => isNotNull(condition, key.columns)));
}

/** "(a IS NOT NULL)" and "((a IS NOT NULL) AND (b IS NOT NULL))", of columns of the key alone. */
export function isNotNull(condition: string, columns: readonly string[]): boolean {
  const parts = condition.replace(/[()]/g, ' ').split(/\sAND\s/);
  return parts.every((part) => columns.some((name) => part.trim() === `${quoteName(name)} IS NOT NULL`));
}
