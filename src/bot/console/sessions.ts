import type { Store } from '../../store/store.ts';
import { hashOf, newKey } from './keys.ts';

const LINK_MS = 10 * 60_000;
export const SESSION_MS = 12 * 3_600_000;

export interface Session {
  readonly hash: string;
  readonly name: string;
  readonly localApprover: boolean;
  readonly csrf: string;
  readonly expiresAt: number;
}

/** Sign-in links and signed-in sessions. They live in the store, so a restart of the bot signs nobody out. */
export class Sessions {
  constructor(
    private readonly store: Store,
    private readonly now: () => number,
  ) {}

  async newLink(name: string, localApprover: boolean): Promise<string> {
    const key = newKey();
    await this.forgetOld();
    await this.store.db
      .insertInto('links')
      .values({
        hash: hashOf(key),
        name,
        local_approver: localApprover ? 1 : 0,
        expires_at: this.now() + LINK_MS,
        used_at: null,
      })
      .execute();
    return key;
  }

  /** The update decides who used a link first: two presses give one session. */
  async redeem(key: string): Promise<{ readonly cookie: string; readonly session: Session } | undefined> {
    const hash = hashOf(key);
    const now = this.now();
    const used = await this.store.db
      .updateTable('links')
      .set({ used_at: now })
      .where('hash', '=', hash)
      .where('used_at', 'is', null)
      .where('expires_at', '>', now)
      .executeTakeFirst();
    if (used.numUpdatedRows !== 1n) return undefined;
    const link = await this.store.db
      .selectFrom('links')
      .selectAll()
      .where('hash', '=', hash)
      .executeTakeFirstOrThrow();
    const cookie = newKey();
    const session: Session = {
      hash: hashOf(cookie),
      name: link.name,
      localApprover: link.local_approver === 1,
      csrf: newKey(),
      expiresAt: now + SESSION_MS,
    };
    await this.store.db
      .insertInto('sessions')
      .values({
        hash: session.hash,
        name: session.name,
        local_approver: link.local_approver,
        csrf: session.csrf,
        expires_at: session.expiresAt,
        created_at: now,
      })
      .execute();
    return { cookie, session };
  }

  async find(cookie: string): Promise<Session | undefined> {
    const row = await this.store.db
      .selectFrom('sessions')
      .selectAll()
      .where('hash', '=', hashOf(cookie))
      .where('expires_at', '>', this.now())
      .executeTakeFirst();
    return row
      ? {
          hash: row.hash,
          name: row.name,
          localApprover: row.local_approver === 1,
          csrf: row.csrf,
          expiresAt: row.expires_at,
        }
      : undefined;
  }

  /** Hashes of all sessions that count at this moment. */
  async live(): Promise<ReadonlySet<string>> {
    const rows = await this.store.db
      .selectFrom('sessions')
      .select('hash')
      .where('expires_at', '>', this.now())
      .execute();
    return new Set(rows.map((row) => row.hash));
  }

  async end(hash: string): Promise<void> {
    await this.store.db.deleteFrom('sessions').where('hash', '=', hash).execute();
  }

  private async forgetOld(): Promise<void> {
    await this.store.db.deleteFrom('links').where('expires_at', '<=', this.now()).execute();
    await this.store.db.deleteFrom('sessions').where('expires_at', '<=', this.now()).execute();
  }
}
