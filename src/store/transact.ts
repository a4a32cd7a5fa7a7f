import type { Kysely, Transaction } from 'kysely';
import type { Database } from './schema.ts';

const ENDS = new WeakMap<Transaction<Database>, ((stored: boolean) => void)[]>();

/** One transaction. What `whenEnded` was given is called right after it was stored, or was undone. */
export async function transact<T>(
  db: Kysely<Database>,
  work: (tx: Transaction<Database>) => Promise<T>,
): Promise<T> {
  const ends: ((stored: boolean) => void)[] = [];
  let stored = false;
  try {
    const result = await db.transaction().execute((tx) => {
      ENDS.set(tx, ends);
      return work(tx);
    });
    stored = true;
    return result;
  } finally {
    for (const end of ends) end(stored);
  }
}

/** For what is kept in memory beside the store: a disk that is full refuses the commit, after all was written. */
export function whenEnded(tx: Transaction<Database>, end: (stored: boolean) => void): void {
  const ends = ENDS.get(tx);
  if (!ends) throw new TypeError('the transaction was not begun with transact()');
  ends.push(end);
}
