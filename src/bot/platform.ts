import type { Post } from '../store/outbox.ts';

/**
 * Why a call to a platform did not end well, and what that means for the outbox.
 * - retry: surely not done; tried again.
 * - ambiguous: perhaps done, so it is looked for before it is sent again.
 * - gone: the message, or the thread that it belongs to, was deleted over there: it is posted anew.
 * - never: the platform refuses this very content; it is given up and logged.
 * - blocked: nothing can be delivered until a person mends it (token, channel, membership); everything waits.
 */
export type ProblemKind = 'retry' | 'ambiguous' | 'gone' | 'never' | 'blocked';

export class DeliveryProblem extends Error {
  override readonly name = 'DeliveryProblem';
  readonly afterMs: number | undefined;
  /** Not this message but the platform: a rate limit, an outage. The whole outbox of the platform waits. */
  readonly wide: boolean;
  /** What a person must do. */
  readonly mend: string | undefined;

  constructor(
    readonly kind: ProblemKind,
    message: string,
    more: {
      readonly afterMs?: number | undefined;
      readonly wide?: boolean;
      readonly mend?: string | undefined;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, more.cause === undefined ? {} : { cause: more.cause });
    this.afterMs = more.afterMs;
    this.wide = more.wide ?? kind === 'blocked';
    this.mend = more.mend;
  }
}

/** A platform as the outbox sees it. `thread` is the platform's id of the incident's head, undefined for the channel. */
export interface PlatformPort {
  readonly platform: string;
  /** The channel; what was delivered to another one does not count here. */
  readonly place: string;
  /** Throws DeliveryProblem only. */
  send(post: Post, outboxId: number, thread: string | undefined): Promise<string>;
  edit(platformId: string, post: Post, outboxId: number, thread: string | undefined): Promise<void>;
  /** Looks for what an earlier try with this outbox id may have posted. */
  find(post: Post, outboxId: number, thread: string | undefined): Promise<string | undefined>;
  /** What the platform takes without complaint: `burst` calls at once, then one each `everyMs`. */
  readonly pace: { readonly burst: number; readonly everyMs: number };
  /** Pins it in the channel; safe to repeat. A platform without the right says so to health and goes on. */
  pin?(platformId: string): Promise<void>;
}
