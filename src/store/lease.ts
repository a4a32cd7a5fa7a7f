import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { reason, WarroomError } from '../errors/catalogue.ts';
import type { Store } from './store.ts';

const RENEW_MS = 5_000;
const EXPIRES_MS = 20_000;

export interface Lease {
  /** When the bot before this one was last alive; UTC ms, null on a new store. */
  readonly lastAlive: number | null;
  release(): Promise<void>;
}

/**
 * One bot a store. The lease names the process and is renewed; a holder that is gone (its process ended, or it was
 * not renewed for 20 s) is taken over. INSTANCE_RUNNING otherwise.
 */
export async function takeLease(
  store: Store,
  onLost: () => void,
  /** Told after each renewal, with the problem where the store refused it: the one write that always goes on. */
  onRenewal: (problem?: string) => void = () => undefined,
  now: () => number = Date.now,
): Promise<Lease> {
  const token = randomUUID();
  const lastAlive = await store.db.transaction().execute(async (tx) => {
    const held = await tx.selectFrom('lease').selectAll().executeTakeFirst();
    if (held && held.pid !== process.pid && now() - held.renewed_at < EXPIRES_MS && isWarroom(held.pid)) {
      throw new WarroomError('INSTANCE_RUNNING', { pid: held.pid, path: store.path });
    }
    const row = { pid: process.pid, token, renewed_at: now() };
    await tx
      .insertInto('lease')
      .values({ id: 1, ...row })
      .onConflict((on) => on.column('id').doUpdateSet(row))
      .execute();
    return held?.renewed_at ?? null;
  });
  const timer = setInterval(() => {
    store.db
      .updateTable('lease')
      .set({ renewed_at: now() })
      .where('token', '=', token)
      .executeTakeFirst()
      .then((result) => {
        if (result.numUpdatedRows === 0n) onLost();
        else onRenewal();
      })
      // A full disk must not end the watch: renewal is tried again, and a second bot could not write a lease either.
      .catch((thrown: unknown) => onRenewal(reason(thrown)));
  }, RENEW_MS);
  timer.unref();
  return {
    lastAlive,
    release: async () => {
      clearInterval(timer);
      // The row stays, held by nobody: it tells the next bot since when nothing was watched.
      const free = { pid: 0, renewed_at: now() };
      await store.db.updateTable('lease').set(free).where('token', '=', token).execute();
    },
  };
}

/** A process id may have been given to somebody else since: only a node process counts as a bot. */
function isWarroom(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('node');
  } catch {
    return false;
  }
}
