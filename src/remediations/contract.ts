import type { Transaction } from 'kysely';
import type { z } from 'zod';
import type { Unit } from '../checks/contract.ts';
import type { Seen } from '../checks/seen.ts';
import type { Config } from '../config/schema.ts';
import type { Stack } from '../config/stack.ts';
import type { Message } from '../message/contract.ts';
import type { Database } from '../store/schema.ts';
import type { Targets } from '../targets/contract.ts';

export type Risk = 'low' | 'medium' | 'high';
export type Effect = 'cure' | 'relief' | 'give-back' | 'change';

/** One change of one target, as data: a journal holds it and another process can go on with it. */
export interface Step {
  readonly type: string;
  readonly version: number;
  /** The host that it is done on. */
  readonly target: string;
  readonly args: Readonly<Record<string, unknown>>;
}

/** What is there of a step's effect: `partial` and `unknown` are never treated as done. */
export type Look = 'absent' | 'present' | 'partial' | 'unknown';

export interface StepContext {
  readonly targets: Targets;
  readonly stack: Stack;
  readonly host: string;
  /** Aborted at the step's deadline, or when a newer run holds the fence. */
  readonly signal: AbortSignal;
}

/** How a type of step is shown, done, looked at and undone. All but `describe` are safe to repeat. */
export interface StepType<A> {
  readonly type: string;
  readonly version: number;
  readonly args: z.ZodType<A>;
  /** Milliseconds that apply or revert may take. */
  readonly timeoutMs: number;
  describe(args: A): { readonly command: string; readonly undo: string | null };
  apply(args: A, context: StepContext): Promise<void>;
  look(args: A, context: StepContext): Promise<Look>;
  /**
   * For a change that a restart of its server loses: whether its effect is there, under whatever name; a file that
   * holds it now counts. `absent` alone says that it is lost.
   */
  inForce?(args: A, context: StepContext): Promise<Look>;
  /** Undefined for steps that change nothing (checks, waits). */
  revert?(args: A, context: StepContext): Promise<void>;
}

/** One figure that must move. Its baseline is the median of the last 5 samples before apply, per unit of traffic where `per` is given. */
export interface Goal {
  readonly name: string;
  readonly unit: Unit;
  readonly metric: string;
  readonly target: string;
  readonly per?: { readonly metric: string; readonly target: string };
  readonly direction: 'down' | 'up';
  /** Relative, 0 to 1: 0.2 = at least a fifth better than the baseline. */
  readonly minimumGain: number;
  /** Good enough whatever the baseline was (p95 under the limit). */
  readonly enough?: number;
  /** Absolute. In place of a gain: met while it is not worse than the baseline by more than this. */
  readonly notWorseBy?: number;
}

export interface Verify {
  readonly mode: 'all' | 'any';
  readonly goals: readonly Goal[];
  /** After apply, before the window begins. */
  readonly settleMs: number;
  readonly windowMs: number;
  /** Below this traffic it could not tell. */
  readonly minimumTraffic: { readonly metric: string; readonly target: string; readonly value: number };
}

export interface Plan {
  readonly title: string;
  readonly effect: Effect;
  readonly risk: Risk;
  readonly steps: readonly Step[];
  /** SHA-256 of what is replaced (base VCL, file), so that an approval does not outlive it. */
  readonly replaces: string;
  readonly expects: string;
  readonly undo: string;
  readonly verify: Verify;
  /** The change lives only at run time: the lines for the file that should hold it. */
  readonly patch?: { readonly file: string; readonly text: string };
  /** For the lock: any name of the connected part. */
  readonly target: string;
}

export interface PlanContext {
  readonly stack: Stack;
  readonly seen: Seen;
  readonly config: Config;
  readonly targets: Targets;
  /** Names that the plan creates derive from it: `12-A`. */
  readonly proposalId: string;
  readonly signal: AbortSignal;
}

/** A plan that cannot be made or must not run now is a value: the reason, and the line that mends it. */
export type Refusal = { readonly refused: string; readonly mend?: string };

export interface Remediation<P, R = undefined> {
  readonly id: string;
  readonly summary: string;
  readonly params: z.ZodType<P>;
  /** What makes two proposals the same one; without it all of their parameters do. */
  same?(params: P): string;
  readonly risk: Risk;
  /** Most runs on one target in the time. */
  readonly budget: { readonly runs: number; readonly perMs: number };
  /** After a run that was reverted or failed, how long the same one is not proposed again. */
  readonly blockMs: number;
  /** Reads what a plan needs (base VCL, server states); the acting account where it must. */
  prepare(params: P, context: PlanContext): Promise<R | Refusal>;
  /** Pure. */
  plan(
    params: P,
    prepared: R,
    context: Pick<PlanContext, 'stack' | 'seen' | 'config' | 'proposalId'>,
  ): Plan | Refusal;
  /** Checked when planned and again right before apply: reasons why not now, most important first. */
  precheck(params: P, prepared: R, context: PlanContext): Promise<readonly Refusal[]>;
}

/** A remediation with its types hidden: what the guard and the lists see. */
export type AnyRemediation = Remediation<unknown, unknown>;
export type AnyStepType = StepType<unknown>;

export function defineRemediation<P, R>(remediation: Remediation<P, R>): AnyRemediation {
  return remediation as unknown as AnyRemediation;
}

export function defineStep<A>(step: StepType<A>): AnyStepType {
  return step as unknown as AnyStepType;
}

/** Called inside the transaction that changes a proposal or incident, so that the outbox rows are written with it. */
export type Publish = (
  tx: Transaction<Database>,
  change: {
    readonly incident: number;
    readonly at: number;
    readonly what: string;
    readonly by?: string;
    readonly reply: boolean;
    /** People or groups of the config whom the reply mentions. */
    readonly mentions?: readonly string[];
    /** It happened whether or not it can be stored, so it is shown at once. What the guard does is not: it is done once stored. */
    readonly happened?: boolean;
  },
) => Promise<void>;

export type ProposalState =
  | 'pending'
  | 'approved'
  | 'running'
  | 'settling'
  | 'kept'
  | 'reverted'
  | 'failed'
  | 'needs-human'
  | 'refused'
  | 'expired'
  | 'void';

/** A proposal as every face shows it. */
export interface ProposalJson {
  /** `12-A`. */
  readonly id: string;
  readonly incident: string;
  readonly remediation: string;
  readonly title: string;
  readonly effect: Effect;
  readonly risk: Risk;
  readonly params: Readonly<Record<string, unknown>>;
  readonly planHash: string;
  readonly state: ProposalState;
  readonly expiresAt: number;
  readonly expects: string;
  readonly undo: string;
  readonly steps: readonly StepJson[];
  readonly approvals: readonly { readonly by: string; readonly at: number }[];
  readonly needed: number;
  readonly askers: readonly string[];
  /** What is being waited for, while it is. In `needs-human`: until when a press on Approve keeps it and on Refuse takes it back. */
  readonly waits: string | null;
  readonly verify: readonly VerifyJson[];
  readonly outcome: string | null;
  readonly patch: { readonly file: string; readonly text: string } | null;
}

export interface VerifyJson {
  readonly name: string;
  readonly unit: Unit;
  readonly before: number | null;
  readonly after: number | null;
  readonly wanted: number | null;
  readonly verdict: string | null;
}

export interface StepJson {
  readonly index: number;
  readonly type: string;
  readonly target: string;
  readonly command: string;
  readonly undo: string | null;
  readonly state: 'planned' | 'applying' | 'applied' | 'failed' | 'reverting' | 'reverted' | 'unknown';
  readonly at: number | null;
  readonly ms: number | null;
  readonly problem: string | null;
}

export type PressResult =
  | { readonly ok: true; readonly proposal?: ProposalJson; readonly message: Message }
  | {
      readonly ok: false;
      readonly status: 403 | 404 | 409 | 503;
      readonly reason: string;
      readonly message: Message;
    };
