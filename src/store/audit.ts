import { createHash } from 'node:crypto';
import type { Kysely, Transaction } from 'kysely';
import type { Database } from './schema.ts';

/** What stands in front of the first row. */
const NOTHING = '0'.repeat(64);
const PAGE = 1000;

export interface AuditEntry {
  readonly at: number;
  readonly who: string;
  readonly what: string;
  /** Kept as its JSON text; the hash is over that text. */
  readonly json: unknown;
}

/**
 * Writes one row, chained to the newest, in the caller's transaction; gives its hash. The write lock is taken
 * before the newest row is read: two writers can then not chain to the same row.
 */
export async function appendAudit(tx: Transaction<Database>, entry: AuditEntry): Promise<string> {
  await tx.updateTable('audit').set({ what: '' }).where('seq', '<', 0).execute();
  const newest = await tx
    .selectFrom('audit')
    .select('hash')
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  const row = {
    at: entry.at,
    who: entry.who,
    what: entry.what,
    json: JSON.stringify(entry.json ?? null),
    previous: newest?.hash ?? NOTHING,
  };
  const hash = hashOf(row);
  await tx
    .insertInto('audit')
    .values({ ...row, hash })
    .execute();
  return hash;
}

export type AuditVerdict =
  | { readonly ok: true; readonly rows: number; readonly newest: string | null }
  | { readonly ok: false; readonly rows: number; readonly seq: number | null; readonly problem: string };

/**
 * Whether every row is as it was written and stands behind the one that it was written behind. `against` is the
 * beginning of a hash that somebody noted elsewhere: only with it is a chain found out that was rewritten whole,
 * or whose newest rows were cut off.
 */
export async function verifyAudit(db: Kysely<Database>, against?: string): Promise<AuditVerdict> {
  const noted = against?.trim().toLowerCase();
  if (noted !== undefined && !/^[0-9a-f]{8,64}$/.test(noted))
    return {
      ok: false,
      rows: 0,
      seq: null,
      problem: `"${against}" is not the beginning of a hash (8 to 64 hex digits).`,
    };
  let previous = NOTHING;
  let rows = 0;
  let seen = noted === undefined;
  for (let after = 0; ; ) {
    const page = await db
      .selectFrom('audit')
      .selectAll()
      .where('seq', '>', after)
      .orderBy('seq')
      .limit(PAGE)
      .execute();
    for (const row of page) {
      const bad = (problem: string): AuditVerdict => ({ ok: false, rows, seq: row.seq, problem });
      if (row.previous !== previous)
        return bad(`Row ${row.seq} does not follow the row before it: one was taken out, put in or changed.`);
      if (row.hash !== hashOf(row)) return bad(`Row ${row.seq} is not as it was written.`);
      previous = row.hash;
      rows += 1;
      if (noted !== undefined && row.hash.startsWith(noted)) seen = true;
      after = row.seq;
    }
    if (page.length < PAGE) break;
  }
  if (!seen)
    return {
      ok: false,
      rows,
      seq: null,
      problem: `No row has a hash that begins with ${noted}: rows were cut off, or the log was written anew.`,
    };
  return { ok: true, rows, newest: rows === 0 ? null : previous };
}

/** The part of a hash that answers carry to the outside. */
export function shortHash(hash: string): string {
  return hash.slice(0, 12);
}

/** The fields as one JSON array: no separator can be forged by what stands in them. */
function hashOf(row: { at: number; who: string; what: string; json: string; previous: string }): string {
  return createHash('sha256')
    .update(JSON.stringify([row.previous, row.at, row.who, row.what, row.json]), 'utf8')
    .digest('hex');
}
