import type { Change, Finding, HistoryView } from './contract.ts';

/** Everything that was seen last, read only: what diagnosis, remediations and commands work from. */
export interface Seen {
  readonly history: HistoryView;
  /** The newest finding of each identity. */
  findings(): readonly Finding[];
  /** The newest facts of a target (a service's or host's name), by instance (the host's name). */
  facts<F>(target: string): ReadonlyMap<string, Partial<F>>;
  changes(): readonly Change[];
}
