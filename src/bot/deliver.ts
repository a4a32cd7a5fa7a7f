import type { Logger } from 'pino';
import { reason } from '../errors/catalogue.ts';
import type { HealthBoard } from '../health/health.ts';
import { type Post, toPost } from '../store/outbox.ts';
import type { Store } from '../store/store.ts';

/** Why a call to a platform did not end well, and what that means for the outbox. */
export class DeliveryProblem extends Error {
  override readonly name = 'DeliveryProblem';
  constructor(
    /** retry: surely not done. ambiguous: perhaps done, so it is looked for before it is sent again. gone: never will be. */
    readonly kind: 'retry' | 'ambiguous' | 'gone',
    message: string,
    readonly afterMs?: number,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? {} : { cause });
  }
}

/** A platform as the outbox sees it. `thread` is the platform's id of the incident's head, undefined for the channel. */
export interface PlatformPort {
  readonly platform: string;
  send(post: Post, outboxId: number, thread: string | undefined): Promise<string>;
  edit(platformId: string, post: Post, outboxId: number): Promise<void>;
  /** Looks for what an earlier try with this outbox id may have posted. */
  find(post: Post, outboxId: number, thread: string | undefined): Promise<string | undefined>;
}

interface Due {
  readonly id: number;
  readonly state: string;
  readonly attempts: number;
  readonly priority: number;
  readonly post: Post;
}

const MAX_ATTEMPTS = 50;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 60_000;

/** Delivers one platform's outbox: one call at a time, critical threads first, order kept within a thread. */
export class Delivery {
  #stopped = false;
  #running: Promise<void> | undefined;
  #wake: (() => void) | undefined;

  constructor(
    private readonly options: {
      readonly store: Store;
      readonly port: PlatformPort;
      readonly health: HealthBoard;
      readonly log: Logger;
      readonly now: () => number;
      readonly idleMs?: number;
    },
  ) {}

  async start(): Promise<void> {
    // What was on its way when the process ended has an unknown outcome.
    await this.options.store.db
      .updateTable('outbox')
      .set({ state: 'uncertain' })
      .where('platform', '=', this.options.port.platform)
      .where('state', '=', 'sending')
      .execute();
    this.#running = this.#loop();
  }

  /** New rows are waiting. */
  wake(): void {
    this.#wake?.();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.wake();
    await this.#running;
  }

  async #loop(): Promise<void> {
    while (!this.#stopped) {
      try {
        const due = await this.#next();
        if (due) await this.#deliver(due);
        else await this.#idle();
      } catch (thrown) {
        this.options.log.error(
          { err: thrown, platform: this.options.port.platform },
          'the outbox could not be read or written',
        );
        await this.#idle();
      }
    }
  }

  async #idle(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.options.idleMs ?? 250);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #next(): Promise<Due | undefined> {
    const { db } = this.options.store;
    const rows = await db
      .selectFrom('outbox')
      .innerJoin('posts', 'posts.id', 'outbox.post')
      .select([
        'outbox.id as outboxId',
        'outbox.state',
        'outbox.attempts',
        'outbox.priority',
        'outbox.not_before',
        'posts.id',
        'posts.incident',
        'posts.role',
        'posts.version',
        'posts.at',
        'posts.edited_at',
        'posts.json',
      ])
      .where('outbox.platform', '=', this.options.port.platform)
      .where('outbox.state', 'in', ['queued', 'uncertain'])
      .orderBy('outbox.id')
      .limit(500)
      .execute();
    const heads = new Map<string, (typeof rows)[number]>();
    for (const row of rows) {
      const thread = row.incident === null ? `note ${row.id}` : String(row.incident);
      // The first of a thread decides for the thread: one that waits for its retry holds back what follows it.
      if (!heads.has(thread)) heads.set(thread, row);
    }
    const now = this.options.now();
    const [best] = [...heads.values()]
      .filter((row) => row.not_before <= now)
      .sort((a, b) => a.priority - b.priority || a.outboxId - b.outboxId);
    return (
      best && {
        id: best.outboxId,
        state: best.state,
        attempts: best.attempts,
        priority: best.priority,
        post: toPost(best),
      }
    );
  }

  async #deliver(due: Due): Promise<void> {
    const { store, port, now } = this.options;
    const thread =
      due.post.incident === null || due.post.role === 'head'
        ? undefined
        : await this.#platformId(headId(due.post.incident));
    await store.db
      .updateTable('outbox')
      .set({ state: 'sending', attempts: due.attempts + 1 })
      .where('id', '=', due.id)
      .execute();
    try {
      const known = await this.#platformId(due.post.id);
      const found =
        known ?? (due.state === 'uncertain' ? await port.find(due.post, due.id, thread) : undefined);
      const platformId = found ?? (await port.send(due.post, due.id, thread));
      if (found !== undefined) await port.edit(found, due.post, due.id);
      await store.db.transaction().execute(async (tx) => {
        const row = { platform_id: platformId, version: due.post.version };
        await tx
          .insertInto('delivered')
          .values({ platform: port.platform, post: due.post.id, ...row })
          .onConflict((on) => on.columns(['platform', 'post']).doUpdateSet(row))
          .execute();
        await tx
          .updateTable('outbox')
          .set({ state: 'sent', platform_id: platformId, sent_at: now(), problem: null })
          .where('id', '=', due.id)
          .execute();
      });
      this.options.health.report({ part: `chat:${port.platform}`, state: 'ok', what: 'delivers' });
    } catch (thrown) {
      await this.#failed(due, thrown);
    }
  }

  async #failed(due: Due, thrown: unknown): Promise<void> {
    const problem =
      thrown instanceof DeliveryProblem
        ? thrown
        : new DeliveryProblem('ambiguous', reason(thrown), undefined, thrown);
    const given = problem.kind === 'gone' || due.attempts + 1 >= MAX_ATTEMPTS;
    const backoff = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** due.attempts);
    const wait = problem.afterMs ?? backoff * (0.5 + Math.random() / 2);
    await this.options.store.db
      .updateTable('outbox')
      .set({
        state: given
          ? 'superseded'
          : problem.kind === 'ambiguous' || due.state === 'uncertain'
            ? 'uncertain'
            : 'queued',
        not_before: this.options.now() + Math.ceil(wait),
        problem: problem.message,
      })
      .where('id', '=', due.id)
      .execute();
    this.options.health.report({
      part: `chat:${this.options.port.platform}`,
      state: given ? 'down' : 'degraded',
      what: problem.message,
    });
  }

  async #platformId(post: string): Promise<string | undefined> {
    const row = await this.options.store.db
      .selectFrom('delivered')
      .select('platform_id')
      .where('platform', '=', this.options.port.platform)
      .where('post', '=', post)
      .executeTakeFirst();
    return row?.platform_id;
  }
}

export function headId(incident: number): string {
  return `i${incident}`;
}
