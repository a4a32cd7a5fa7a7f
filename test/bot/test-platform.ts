import { DeliveryProblem, type PlatformPort } from '../../src/bot/platform.ts';
import type { Post } from '../../src/store/outbox.ts';

export type Mood =
  | 'well'
  | 'drop'
  | 'ambiguous-done'
  | 'ambiguous-lost'
  | 'slow'
  | 'gone'
  | 'never'
  | 'blocked'
  | 'busy';

export interface Shown {
  readonly id: string;
  readonly thread: string | undefined;
  readonly post: string;
  readonly outboxIds: number[];
  json: string;
  version: number;
}

/** A plain chat platform that drops, delays, repeats nothing by itself, and answers ambiguously, as its moods say. */
export class TestPlatform implements PlatformPort {
  readonly platform = 'test';
  readonly place = 'launch';
  readonly pace = { burst: 1000, everyMs: 1 };
  readonly pinned: string[] = [];
  readonly shown: Shown[] = [];
  readonly calls: string[] = [];
  #next = 1;

  /** `mood` is asked for each call. */
  constructor(private readonly mood: () => Mood = () => 'well') {}

  async send(post: Post, outboxId: number, thread: string | undefined): Promise<string> {
    this.calls.push(`send ${post.id} v${post.version}`);
    return this.#moody(() => {
      const id = `m${this.#next++}`;
      this.shown.push({
        id,
        thread,
        post: post.id,
        outboxIds: [outboxId],
        json: post.json,
        version: post.version,
      });
      return id;
    });
  }

  async edit(platformId: string, post: Post, outboxId: number): Promise<void> {
    this.calls.push(`edit ${post.id} v${post.version}`);
    await this.#moody(() => {
      const found = this.shown.find((one) => one.id === platformId);
      if (!found) throw new DeliveryProblem('gone', 'no such message', { afterMs: 1 });
      found.json = post.json;
      found.version = post.version;
      found.outboxIds.push(outboxId);
    });
  }

  async find(_post: Post, outboxId: number): Promise<string | undefined> {
    return this.shown.find((one) => one.outboxIds.includes(outboxId))?.id;
  }

  async pin(platformId: string): Promise<void> {
    this.pinned.push(platformId);
  }

  /** Somebody deletes a message over there. */
  remove(platformId: string): void {
    this.shown.splice(
      this.shown.findIndex((one) => one.id === platformId),
      1,
    );
  }

  async #moody<T>(work: () => T): Promise<T> {
    const mood = this.mood();
    if (mood === 'drop') throw new DeliveryProblem('retry', 'connection refused', { afterMs: 1 });
    if (mood === 'gone') throw new DeliveryProblem('gone', 'no such thread', { afterMs: 1 });
    if (mood === 'never') throw new DeliveryProblem('never', 'too long');
    if (mood === 'busy') throw new DeliveryProblem('retry', 'rate limited', { afterMs: 1, wide: true });
    if (mood === 'blocked')
      throw new DeliveryProblem('blocked', 'channel is archived', { afterMs: 1, mend: 'Unarchive it.' });
    if (mood === 'ambiguous-lost')
      throw new DeliveryProblem('ambiguous', 'reset before the answer', { afterMs: 1 });
    if (mood === 'slow') await new Promise((resolve) => setTimeout(resolve, 5));
    const done = work();
    if (mood === 'ambiguous-done')
      throw new DeliveryProblem('ambiguous', 'processed, then reset', { afterMs: 1 });
    return done;
  }
}
