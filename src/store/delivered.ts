import type { Kysely } from 'kysely';
import type { Database } from './schema.ts';

/** A row of the outbox that waits, with what the platform shows of its post. Times are UTC ms. */
export interface Waiting {
  readonly id: number;
  readonly state: 'queued' | 'uncertain';
  readonly attempts: number;
  readonly priority: number;
  readonly notBefore: number;
  readonly queuedAt: number;
  /** When the post was first written. */
  readonly postedAt: number;
  readonly post: string;
  readonly incident: number | null;
  readonly role: 'head' | 'reply' | 'note';
  /** Null until it is shown. */
  readonly platformId: string | null;
  readonly shownVersion: number | null;
}

const MOST = 1_000;

/** What waits for a platform, in the order of the outbox. */
export async function waiting(db: Kysely<Database>, platform: string): Promise<Waiting[]> {
  const rows = await db
    .selectFrom('outbox')
    .innerJoin('posts', 'posts.id', 'outbox.post')
    .leftJoin('delivered', (join) =>
      join.onRef('delivered.post', '=', 'outbox.post').onRef('delivered.platform', '=', 'outbox.platform'),
    )
    .select([
      'outbox.id as id',
      'outbox.state as state',
      'outbox.attempts as attempts',
      'outbox.priority as priority',
      'outbox.not_before as notBefore',
      'outbox.queued_at as queuedAt',
      'outbox.post as post',
      'posts.incident as incident',
      'posts.role as role',
      'posts.at as postedAt',
      'delivered.platform_id as platformId',
      'delivered.version as shownVersion',
    ])
    .where('outbox.platform', '=', platform)
    .where('outbox.state', 'in', ['queued', 'uncertain'])
    .orderBy('outbox.id')
    .limit(MOST)
    .execute();
  return rows.map((row) => ({ ...row, state: row.state === 'uncertain' ? 'uncertain' : 'queued' }));
}

/** The platform no longer shows it: it is sent anew. */
export async function forgetPost(db: Kysely<Database>, platform: string, post: string): Promise<void> {
  await db.deleteFrom('delivered').where('platform', '=', platform).where('post', '=', post).execute();
}

/** Another channel knows nothing of what was posted in the last one. True on first contact. */
export async function forgetOtherPlace(
  db: Kysely<Database>,
  platform: string,
  place: string,
): Promise<boolean> {
  return db.transaction().execute(async (tx) => {
    const key = `place:${platform}`;
    const known = await tx.selectFrom('flags').select('json').where('key', '=', key).executeTakeFirst();
    const json = JSON.stringify(place);
    if (known?.json === json) return false;
    if (known) {
      await tx.deleteFrom('delivered').where('platform', '=', platform).execute();
      await tx
        .updateTable('outbox')
        .set({ state: 'queued' })
        .where('platform', '=', platform)
        .where('state', 'in', ['sending', 'uncertain'])
        .execute();
    }
    await tx
      .insertInto('flags')
      .values({ key, json })
      .onConflict((on) => on.column('key').doUpdateSet({ json }))
      .execute();
    return true;
  });
}

/** Posts of this channel and of these incidents that the platform neither shows nor has waiting, in their order. */
export async function unseenPosts(
  db: Kysely<Database>,
  platform: string,
  of: { readonly incidents: readonly number[]; readonly notes: readonly string[] },
): Promise<{ id: string; version: number }[]> {
  return db
    .selectFrom('posts')
    .select(['id', 'version'])
    .where((where) =>
      where.or([
        where('incident', 'in', of.incidents.length > 0 ? [...of.incidents] : [-1]),
        where('id', 'in', of.notes.length > 0 ? [...of.notes] : ['']),
      ]),
    )
    .where((where) =>
      where.not(
        where.exists(
          where
            .selectFrom('delivered')
            .select('delivered.post')
            .whereRef('delivered.post', '=', 'posts.id')
            .where('delivered.platform', '=', platform),
        ),
      ),
    )
    .where((where) =>
      where.not(
        where.exists(
          where
            .selectFrom('outbox')
            .select('outbox.id')
            .whereRef('outbox.post', '=', 'posts.id')
            .where('outbox.platform', '=', platform)
            .where('outbox.state', 'in', ['queued', 'sending', 'uncertain']),
        ),
      ),
    )
    .orderBy('at')
    .orderBy('id')
    .execute();
}
