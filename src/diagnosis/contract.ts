import type { Evidence, Probe } from '../checks/contract.ts';
import type { Seen } from '../checks/seen.ts';
import type { Stack } from '../config/stack.ts';

export type Confidence = 'sure' | 'likely' | 'not sure';

/** What a cause asks for, before anybody planned it. */
export interface Wish {
  readonly remediation: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** cure: takes the cause away; relief: buys time. */
  readonly effect: 'cure' | 'relief';
  /** Why it must not be done now, when it would make things worse. */
  readonly withheld?: string;
}

/** Why something is wrong. `covers` are identities (check@target[/subject]) of findings that it explains. */
export interface Explanation {
  readonly cause: string;
  readonly target: string;
  readonly confidence: Confidence;
  /** 0 to 1, to rank causes of the same incident. */
  readonly score: number;
  /** A title of the thread: "Legacy redirects overload the app". */
  readonly title: string;
  /** One or two sentences with figures; may hold text of watched systems, so renderers escape it whole. */
  readonly summary: string;
  /** What was looked at and is not the reason: "database", "deploy". */
  readonly ruledOut: readonly string[];
  /** What would settle it, when not sure. */
  readonly settle?: string;
  readonly covers: readonly string[];
  readonly evidence: readonly Evidence[];
  readonly proposals: readonly Wish[];
  /** The best step by hand, with its commands, when no remediation fits. */
  readonly byHand?: string;
}

/** A cause that may be at work at a target; made without any I/O. */
export interface Suspicion {
  readonly target: string;
}

export interface ExplainContext {
  readonly seen: Seen;
  readonly stack: Stack;
  readonly at: number;
}

export interface ProbeContext extends ExplainContext {
  /** Asks a system's read-only probe at a target's first host, or at the named one; 5 s in all for one diagnosis. */
  ask<A, R>(probe: Probe<A, R>, target: string, args: A, host?: string): Promise<R>;
}

export interface Cause<P = undefined> {
  readonly id: string;
  readonly question: string;
  /** Cheap and pure: where could this be the cause? */
  suspects(context: ExplainContext): readonly Suspicion[];
  probe?(suspicion: Suspicion, context: ProbeContext): Promise<P>;
  /** Pure. `probed` is undefined when there is no probe, or when it failed. Undefined = not this cause after all. */
  explain(suspicion: Suspicion, context: ExplainContext, probed: P | undefined): Explanation | undefined;
}

export function defineCause<P>(cause: Cause<P>): Cause<unknown> {
  return cause as Cause<unknown>;
}
