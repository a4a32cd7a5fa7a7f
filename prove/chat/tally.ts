import type { Rehearsal, StoredPost } from './rehearsal.ts';
import type { ChatStage, Kept } from './stage.ts';

interface Row {
  readonly id: number;
  readonly post: string;
  readonly version: number;
}

/** What the store says should stand on a platform, against what stands there. */
export interface Tally {
  readonly posts: number;
  /** Posts that do not stand there at all. */
  readonly lost: readonly string[];
  /** Posts that stand there more than once. */
  readonly doubled: readonly string[];
  /** Posts that stand there in an older version. */
  readonly stale: readonly string[];
  /** Replies under another head than theirs, or before an earlier one. */
  readonly disordered: readonly string[];
}

export function tally(bot: Rehearsal, stage: ChatStage): Tally {
  const rows = bot.read<Row>(
    'select id, post, version from outbox where platform = ? order by id',
    stage.platform,
  );
  const byRow = new Map(rows.map((row) => [row.id, row]));
  const posts = bot.posts();
  const kept = new Map<string, Kept[]>();
  for (const message of stage.kept()) {
    const post = byRow.get(message.rows[0] ?? -1)?.post;
    if (post !== undefined) kept.set(post, [...(kept.get(post) ?? []), message]);
  }
  const newest = (message: Kept) => byRow.get(message.rows.at(-1) ?? -1)?.version ?? 0;
  return {
    posts: posts.length,
    lost: posts.filter(({ id }) => !kept.has(id)).map(({ id }) => id),
    doubled: posts.filter(({ id }) => (kept.get(id)?.length ?? 0) > 1).map(({ id }) => id),
    stale: posts
      .filter(({ id, version }) => (kept.get(id) ?? []).some((message) => newest(message) < version))
      .map(({ id }) => id),
    disordered: disordered(posts, rows, kept),
  };
}

/** Heads alone: whether each stands there in its newest version. */
export function headsRight(bot: Rehearsal, stage: ChatStage): boolean {
  const { lost, stale } = tally(bot, stage);
  return ![...lost, ...stale].some((id) => /^i\d+$/.test(id));
}

function disordered(
  posts: readonly StoredPost[],
  rows: readonly Row[],
  kept: ReadonlyMap<string, readonly Kept[]>,
): string[] {
  const first = (post: string) => rows.find((row) => row.post === post)?.id ?? 0;
  const found: string[] = [];
  const incidents = new Set(posts.flatMap(({ incident }) => (incident === null ? [] : [incident])));
  for (const incident of incidents) {
    const head = kept.get(`i${incident}`)?.[0];
    const replies = posts
      .filter((post) => post.incident === incident && post.role === 'reply')
      .sort((a, b) => first(a.id) - first(b.id));
    let before = head?.at ?? 0;
    for (const { id } of replies) {
      const [reply] = kept.get(id) ?? [];
      if (!reply) continue;
      if (reply.thread !== head?.id || reply.at < before) found.push(id);
      before = reply.at;
    }
  }
  return found;
}
