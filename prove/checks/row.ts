import type { Lab } from '../../lab/index.ts';
import type { Part } from '../../lab/plan.ts';
import type { Finding } from '../../src/checks/contract.ts';
import type { Bot } from '../bot.ts';

/** The five questions of a row. */
export const COLUMNS = ['fires', 'figure right', 'evidence', 'quiet', 'clears'] as const;
export type Column = (typeof COLUMNS)[number];

/** A check that is shown both ways on the lab. */
export interface LabRow {
  readonly check: string;
  /** Parts of the lab that it needs. */
  readonly parts: readonly Part[];
  /** A fault of the lab by name, or one of this row's own. Both ways may be called twice. */
  readonly fault:
    | string
    | { readonly name: string; on(lab: Lab): Promise<void>; off(lab: Lab): Promise<void> };
  /** The host to break, where the fault leaves a choice. */
  readonly host?: string;
  /** Whether a bad finding of this check is the fault's; by default any is. */
  mine?(finding: Finding): boolean;
  /** Asks the native tool at the same moment: what it says, and whether the finding agrees. Asked again for a while where the figures move. */
  figure(lab: Lab, finding: Finding, bot: Bot): Promise<{ readonly right: boolean; readonly says: string }>;
  /** What the finding's evidence and advice must name: a query, a URL, a process, a client, a task. */
  readonly evidence: readonly RegExp[];
  /** Seconds until it must have fired, and until it must be past clearing once the fault is off; 60 and 90 by default. */
  readonly firesWithin?: number;
  readonly clearsWithin?: number;
}

/** A check whose fault this machine cannot make: shown by a test of captured fixtures, which says why. */
export interface TestRow {
  readonly check: string;
  /** Test file, and the words that its tests' names begin with. */
  readonly test: string;
  readonly named: string;
  readonly because: string;
}

export type Row = LabRow | TestRow;

export interface Shown {
  readonly check: string;
  readonly fault: string;
  readonly columns: Readonly<Record<Column, boolean>>;
  /** What was seen, in a sentence. */
  readonly seen: string;
  readonly at: string;
}

export function isShown(row: Shown): boolean {
  return COLUMNS.every((column) => row.columns[column]);
}
