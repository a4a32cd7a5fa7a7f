import type { Kysely, Transaction } from 'kysely';
import type { Database } from './schema.ts';

export interface Post {
  readonly id: string;
  readonly incident: number | null;
  readonly role: 'head' | 'reply' | 'note';
  readonly version: number;
  readonly at: number;
  readonly editedAt: number | null;
  /** A Message as JSON text. */
  readonly json: string;
}

/**
 * Writes a post (or its next version) and one outbox row for each platform, in the caller's transaction. A row of
 * the same post that still waits takes the new version on: only the newest state is worth sending.
 */
export async function writePost(
  tx: Transaction<Database>,
  post: Post,
  platforms: readonly string[],
  priority: number,
): Promise<void> {
  const row = {
    incident: post.incident,
    role: post.role,
    version: post.version,
    at: post.at,
    edited_at: post.editedAt,
    json: post.json,
  };
  await tx
    .insertInto('posts')
    .values({ id: post.id, ...row })
    .onConflict((on) => on.column('id').doUpdateSet(row))
    .execute();
  for (const platform of platforms) {
    // A row that still waits keeps its place in the queue: a head that is edited must not fall behind its replies.
    const waiting = await tx
      .updateTable('outbox')
      .set({ version: post.version, priority })
      .where('platform', '=', platform)
      .where('post', '=', post.id)
      .where('state', '=', 'queued')
      .executeTakeFirst();
    if (waiting.numUpdatedRows > 0n) continue;
    await enqueue(tx, platform, post, priority, post.editedAt ?? post.at);
  }
}

async function enqueue(
  db: Kysely<Database>,
  platform: string,
  post: Pick<Post, 'id' | 'version'>,
  priority: number,
  at: number,
): Promise<void> {
  const row = { platform, post: post.id, version: post.version, priority, queued_at: at };
  await db
    .insertInto('outbox')
    .values({
      ...row,
      state: 'queued',
      attempts: 0,
      not_before: 0,
      platform_id: null,
      problem: null,
      sent_at: null,
    })
    .execute();
}

/** Has a post sent that the platform does not show. False when it is unknown, or was given up as it stands. */
export async function queueAgain(
  db: Kysely<Database>,
  platform: string,
  post: string,
  at: number,
): Promise<boolean> {
  const found = await db
    .selectFrom('posts')
    .select(['id', 'version'])
    .where('id', '=', post)
    .executeTakeFirst();
  if (!found) return false;
  const rows = await db
    .selectFrom('outbox')
    .select(['state', 'version'])
    .where('platform', '=', platform)
    .where('post', '=', post)
    .execute();
  if (rows.some((row) => row.state === 'queued' || row.state === 'sending' || row.state === 'uncertain'))
    return true;
  if (rows.some((row) => row.state === 'superseded' && row.version === found.version)) return false;
  await enqueue(db, platform, found, 1, at);
  return true;
}

export async function postsOf(db: Kysely<Database>, incident: number | null): Promise<Post[]> {
  const query = db.selectFrom('posts').selectAll().orderBy('at').orderBy('id');
  const rows = await (incident === null
    ? query.where('incident', 'is', null)
    : query.where('incident', '=', incident)
  ).execute();
  return rows.map(toPost);
}

export function toPost(row: Database['posts']): Post {
  return {
    id: row.id,
    incident: row.incident,
    role: row.role,
    version: row.version,
    at: row.at,
    editedAt: row.edited_at,
    json: row.json,
  };
}
