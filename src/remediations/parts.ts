import type { Logger } from 'pino';
import type { Change } from '../checks/contract.ts';
import type { Seen } from '../checks/seen.ts';
import type { Config } from '../config/schema.ts';
import type { Stack } from '../config/stack.ts';
import type { HealthBoard } from '../health/health.ts';
import type { Store } from '../store/store.ts';
import type { Targets } from '../targets/contract.ts';
import type { AnyRemediation, AnyStepType, Publish } from './contract.ts';
import type { Ledger } from './ledger.ts';
import type { HandsOff } from './policy.ts';

/** What the guard is given. */
export interface GuardOptions {
  readonly store: Store;
  readonly targets: Targets;
  readonly stack: Stack;
  readonly config: () => Config;
  readonly seen: Seen;
  readonly now: () => number;
  /** Where it is said that a kept fix was lost; without it nobody looks. */
  readonly health?: HealthBoard;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** Writes the thread in the transaction of the change that it tells of. */
  readonly publish: Publish;
  /** After a change of a proposal was committed. */
  readonly onChange: (proposalId: string) => void;
  /** A change of a target was made or taken back: a finding that begins now may be its doing. */
  readonly onTargetChange?: (change: Change) => void;
  readonly remediations: readonly AnyRemediation[];
  readonly stepTypes: readonly AnyStepType[];
  /** Resolves once the approved card shows no button any more, or could not be shown in time. */
  readonly shown?: (proposalId: string) => Promise<void>;
  /** Waits; ends early with the signal's error. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Called at the named points of a run, before what comes next. */
  readonly at?: (point: string) => void | Promise<void>;
}

/** What the guard's own files share. */
export interface Parts extends GuardOptions {
  readonly ledger: Ledger;
  readonly handsOff: () => HandsOff | null;
}

/** Who the audit log names when nobody pressed. */
export const WARROOM = 'warroom';
