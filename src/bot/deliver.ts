import type { Logger } from 'pino';
import { reason } from '../errors/catalogue.ts';
import type { HealthBoard } from '../health/health.ts';
import { forgetOtherPlace, forgetPost, type Waiting, waiting } from '../store/delivered.ts';
import { type Post, queueAgain, toPost } from '../store/outbox.ts';
import type { Store } from '../store/store.ts';
import { Pace } from './pace.ts';
import { DeliveryProblem, type PlatformPort } from './platform.ts';

export interface DeliveryOptions {
  readonly store: Store;
  readonly port: PlatformPort;
  readonly health: HealthBoard;
  readonly log: Logger;
  readonly now: () => number;
  /** One edit of one message in this time; the newest state wins. */
  readonly editEachMs?: number;
}

/** Failures of one post, not of its platform, before it is given up. */
const MAX_ATTEMPTS = 50;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 60_000;
const EDIT_EACH_MS = 2_000;
const OLD_HEAD_EACH_MS = 15_000;
/** A longer wait than this is said. */
const LATE_MS = 60_000;
const IDLE_MS = 1_000;
const SHOWN_LOOK_MS = 20;
export const BOARD_ID = 'board';

/**
 * Delivers one platform's outbox: one call at a time, critical threads first, posts of a thread in their order,
 * edits of one message coalesced to the newest. A row is `sent` once the platform's id is stored.
 */
export class Delivery {
  #stopped = false;
  #running: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  /** Something was written while the queue was being read. */
  #woken = false;
  readonly #shownAt = new Map<string, number>();
  /** Posting and editing have limits of their own on every platform. */
  readonly #posting: Pace;
  readonly #editing: Pace;
  /** The whole platform waits until then. */
  #pausedUntil = 0;
  #failures = 0;
  readonly #editEachMs: number;

  constructor(private readonly options: DeliveryOptions) {
    this.#editEachMs = options.editEachMs ?? EDIT_EACH_MS;
    this.#posting = new Pace(options.port.pace, options.now);
    this.#editing = new Pace(options.port.pace, options.now);
  }

  async start(): Promise<void> {
    const { store, port } = this.options;
    await forgetOtherPlace(store.db, port.platform, port.place);
    // What was on its way when the process ended has an unknown outcome.
    await store.db
      .updateTable('outbox')
      .set({ state: 'uncertain' })
      .where('platform', '=', port.platform)
      .where('state', '=', 'sending')
      .execute();
    this.#running = this.#loop();
  }

  /** New rows are waiting. */
  wake(): void {
    this.#woken = true;
    this.#wake?.();
  }

  /** The machine's clock was set: what waits until a time of the old one is tried now. */
  async clockSet(): Promise<void> {
    this.#pausedUntil = 0;
    this.#shownAt.clear();
    await this.options.store.db
      .updateTable('outbox')
      .set({ not_before: 0 })
      .where('platform', '=', this.options.port.platform)
      .execute();
    this.wake();
  }

  /** Resolves once the platform shows the newest version of a post, or after that many milliseconds. */
  async shown(post: string, atMostMs: number): Promise<void> {
    const end = performance.now() + atMostMs;
    while (!this.#stopped && performance.now() < end && (await this.#waits(post)))
      await new Promise((resolve) => setTimeout(resolve, SHOWN_LOOK_MS));
  }

  async #waits(post: string): Promise<boolean> {
    const row = await this.options.store.db
      .selectFrom('outbox')
      .select('id')
      .where('platform', '=', this.options.port.platform)
      .where('post', '=', post)
      .where('state', 'in', ['queued', 'sending', 'uncertain'])
      .executeTakeFirst();
    return row !== undefined;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.wake();
    await this.#running;
  }

  async #loop(): Promise<void> {
    while (!this.#stopped) {
      try {
        this.#woken = false;
        const rows = await waiting(this.options.store.db, this.options.port.platform);
        this.#reportBacklog(rows);
        const { due, at } = this.#choose(rows);
        if (due) await this.#deliver(due);
        else await this.#idle(at);
      } catch (thrown) {
        this.options.log.error(
          { err: thrown, platform: this.options.port.platform },
          'the outbox could not be read or written',
        );
        await this.#idle(this.options.now() + IDLE_MS);
      }
    }
  }

  async #idle(until: number): Promise<void> {
    if (this.#woken || this.#stopped) return;
    const wait = Math.min(IDLE_MS, Math.max(1, until - this.options.now()));
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, wait);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }

  /** The row to deliver now, or when to look again. */
  #choose(rows: readonly Waiting[]): { due?: Waiting; at: number } {
    const now = this.options.now();
    if (this.#pausedUntil > now) return { at: this.#pausedUntil };
    const firsts = new Map<string, Waiting>();
    for (const row of rows) {
      // An edit stands alone. What is not shown yet waits for what comes before it in its thread, its head first.
      const queue =
        row.platformId !== null
          ? `edit ${row.post}`
          : row.incident === null
            ? `note ${row.post}`
            : `thread ${row.incident}`;
      const first = firsts.get(queue);
      if (!first || (row.role === 'head' && first.role !== 'head')) firsts.set(queue, row);
    }
    const times = [...firsts.values()]
      .map((row) => ({
        row,
        at: Math.max(row.notBefore, this.#editableAt(row), this.#paceOf(row).at(row.priority)),
      }))
      .sort(({ row: a }, { row: b }) => a.priority - b.priority || rank(a) - rank(b) || a.id - b.id);
    const due = times.find(({ at }) => at <= now)?.row;
    return { ...(due ? { due } : {}), at: Math.min(now + IDLE_MS, ...times.map(({ at }) => at)) };
  }

  #paceOf(row: Waiting): Pace {
    return row.platformId === null ? this.#posting : this.#editing;
  }

  #editableAt(row: Waiting): number {
    const shownAt = this.#shownAt.get(row.post);
    if (row.platformId === null || shownAt === undefined) return 0;
    return shownAt + (row.role === 'head' ? this.#headEachMs(row) : this.#editEachMs);
  }

  /** The figures of a head change with every round; the older it is, the less each of them is news. */
  #headEachMs(row: Waiting): number {
    const age = this.options.now() - row.postedAt;
    return Math.max(this.#editEachMs, Math.min(OLD_HEAD_EACH_MS, age / 100));
  }

  async #deliver(row: Waiting): Promise<void> {
    const { store, port, now } = this.options;
    const attempts = row.attempts + 1;
    const claimed = await store.db
      .updateTable('outbox')
      .set({ state: 'sending', attempts })
      .where('id', '=', row.id)
      .where('state', 'in', ['queued', 'uncertain'])
      .executeTakeFirst();
    if (claimed.numUpdatedRows === 0n) return;
    // Read behind the claim: a version that came since is in this row too.
    const post = toPost(
      await store.db.selectFrom('posts').selectAll().where('id', '=', row.post).executeTakeFirstOrThrow(),
    );
    try {
      const thread = await this.#thread(post);
      if (thread === 'not yet') return await this.#later(row, attempts - 1);
      if (row.state === 'queued' && row.shownVersion !== null && row.shownVersion >= post.version)
        return await this.#sent(row, post, row.platformId as string);
      this.#paceOf(row).spend();
      const found =
        row.platformId ?? (row.state === 'uncertain' ? await port.find(post, row.id, thread) : undefined);
      const platformId = found ?? (await port.send(post, row.id, thread));
      if (found !== undefined) await port.edit(found, post, row.id, thread);
      await this.#sent(row, post, platformId);
      this.#shownAt.set(post.id, now());
      if (this.#shownAt.size > 1_000) this.#forgetOldTimes();
      this.#failures = 0;
      this.options.health.report({ part: `chat:${port.platform}`, state: 'ok', what: 'delivers' });
      if (post.id === BOARD_ID && row.platformId === null) await port.pin?.(platformId);
    } catch (thrown) {
      await this.#failed(row, post, thrown);
    }
  }

  /** The platform's id of the head that the post belongs under. */
  async #thread(post: Post): Promise<string | undefined | 'not yet'> {
    if (post.incident === null || post.role === 'head') return undefined;
    const { store, port } = this.options;
    const head = headId(post.incident);
    const shown = await store.db
      .selectFrom('delivered')
      .select('platform_id')
      .where('platform', '=', port.platform)
      .where('post', '=', head)
      .executeTakeFirst();
    if (shown) return shown.platform_id;
    // A head that the platform refused for good must not hold back what is said under it.
    return (await queueAgain(store.db, port.platform, head, this.options.now())) ? 'not yet' : undefined;
  }

  async #sent(row: Waiting, post: Post, platformId: string): Promise<void> {
    const { store, port, now } = this.options;
    await store.db.transaction().execute(async (tx) => {
      const shown = { platform_id: platformId, version: post.version };
      await tx
        .insertInto('delivered')
        .values({ platform: port.platform, post: post.id, ...shown })
        .onConflict((on) => on.columns(['platform', 'post']).doUpdateSet(shown))
        .execute();
      await tx
        .updateTable('outbox')
        .set({
          ...{ state: 'sent', version: post.version, platform_id: platformId },
          sent_at: now(),
          problem: null,
        })
        .where('id', '=', row.id)
        .execute();
    });
  }

  async #later(row: Waiting, attempts: number): Promise<void> {
    await this.options.store.db
      .updateTable('outbox')
      .set({ state: row.state, attempts })
      .where('id', '=', row.id)
      .execute();
  }

  async #failed(row: Waiting, post: Post, thrown: unknown): Promise<void> {
    const { store, port, now, log, health } = this.options;
    const problem =
      thrown instanceof DeliveryProblem
        ? thrown
        : new DeliveryProblem('ambiguous', reason(thrown), { cause: thrown });
    const own = problem.wide ? 0 : 1;
    const attempts = row.attempts + own;
    const givenUp = problem.kind === 'never' || attempts >= MAX_ATTEMPTS;
    if (problem.wide) this.#failures += 1;
    const backoff = backoffMs(problem.wide ? this.#failures - 1 : attempts - 1);
    const wait = Math.ceil(problem.afterMs ?? backoff * (0.5 + Math.random() / 2));
    if (problem.wide) this.#pausedUntil = now() + wait;
    const uncertain = problem.kind === 'ambiguous' || (row.state === 'uncertain' && problem.kind !== 'gone');
    const state = givenUp ? 'superseded' : uncertain ? 'uncertain' : 'queued';
    await store.db
      .updateTable('outbox')
      .set({ state, attempts, not_before: problem.wide ? 0 : now() + wait, problem: problem.message })
      .where('id', '=', row.id)
      .execute();
    if (problem.kind === 'gone') {
      // Posted anew: the message itself where it was edited, else the head that it stood under.
      const lost =
        row.platformId !== null ? post.id : post.incident === null ? undefined : headId(post.incident);
      if (lost !== undefined) await forgetPost(store.db, port.platform, lost);
    }
    if (givenUp)
      log.error(
        { platform: port.platform, post: post.id, problem: problem.message },
        'a message was given up',
      );
    health.report({
      part: `chat:${port.platform}`,
      state: problem.kind === 'blocked' || this.#failures > 2 ? 'down' : 'degraded',
      what: problem.message,
      ...(problem.mend === undefined ? {} : { mend: problem.mend }),
    });
  }

  #reportBacklog(rows: readonly Waiting[]): void {
    const { health, port, now } = this.options;
    const oldest = Math.min(...rows.map((row) => row.queuedAt));
    const late = rows.length > 0 && now() - oldest > LATE_MS;
    health.report({
      part: `outbox:${port.platform}`,
      state: late ? 'degraded' : 'ok',
      what: late
        ? `${rows.length} messages to ${port.platform} wait, the oldest for ${Math.round((now() - oldest) / 1000)} s`
        : `${rows.length} waiting`,
    });
  }

  #forgetOldTimes(): void {
    for (const [post, at] of this.#shownAt)
      if (this.options.now() - at > this.#editEachMs) this.#shownAt.delete(post);
  }
}

/** Of equal priority, heads go before what is said under them: they are what people look at. */
function rank(row: Waiting): number {
  return row.role === 'head' ? 0 : row.role === 'reply' ? 1 : 2;
}

function backoffMs(failures: number): number {
  return Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(20, Math.max(0, failures)));
}

export function headId(incident: number): string {
  return `i${incident}`;
}
