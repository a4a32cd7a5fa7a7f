import type { Lab } from '../../lab/index.ts';
import type { Part } from '../../lab/plan.ts';
import type { Finding } from '../../src/checks/contract.ts';
import type { Bot } from '../bot.ts';
import type { Act } from '../proof.ts';

/** The five questions of a row. */
export const COLUMNS = ['fires', 'figure right', 'evidence', 'quiet', 'clears'] as const;
export type Column = (typeof COLUMNS)[number];

/** Something to switch on and off; both ways may be called twice. */
export interface Switch {
  readonly name: string;
  on(): Promise<void>;
  off(): Promise<void>;
}

/** What the native tool said at the same moment, and whether the finding agrees. */
export interface Told {
  readonly right: boolean;
  readonly says: string;
  /** What was compared, where the check was looked at again after counting. */
  readonly finding?: Finding;
}

/** What must be seen of a check, wherever its bot and its fault come from. */
export interface Awaited {
  readonly check: string;
  /** Whether a bad finding of this check is the fault's; by default any is. */
  mine?(finding: Finding): boolean;
  /** What the finding's evidence and advice must name: a query, a URL, a process, a client, a task. */
  readonly evidence: readonly RegExp[];
  /** In the lab nobody else asks for this: without the fault it is judged on too little traffic, and says so. */
  readonly unaskedWithout?: boolean;
  /** Seconds until it must have fired, and until it must be past clearing once the fault is off; 60 and 90 by default. */
  readonly firesWithin?: number;
  /** Seconds that it may take to be quiet before, where what it measures falls slowly; 75 by default. */
  readonly quietWithin?: number;
  readonly clearsWithin?: number;
  /** Seconds until its figure must agree, where a window must first be whole; 25 by default. */
  readonly figureWithin?: number;
}

/** A check that is shown both ways on the lab. */
export interface LabRow extends Awaited {
  /** Parts of the lab that it needs. */
  readonly parts: readonly Part[];
  /** It measures the machine: in a run of its own, once all others are shown. */
  readonly alone?: boolean;
  /** Healthy traffic that it needs more of than the lab has: there before all, and left on. May be called twice. */
  beside?(lab: Lab): Promise<void>;
  /** A fault of the lab by name, or one of this row's own. Both ways may be called twice. */
  readonly fault:
    | string
    | { readonly name: string; on(lab: Lab): Promise<void>; off(lab: Lab): Promise<void> };
  /** The host to break, where the fault leaves a choice. */
  readonly host?: string;
  /** Asks the native tool at the same moment. Asked again for a while where the figures move. */
  figure(lab: Lab, finding: Finding, bot: Bot): Promise<Told>;
}

/** A check of Warroom itself, shown on a bot of the row's own that watches nothing: it needs no lab. */
export interface OwnRow extends Awaited {
  stage(act: Act): Promise<OwnStage>;
}

export interface OwnStage {
  readonly bot: Bot;
  readonly fault: Switch;
  figure(finding: Finding): Promise<Told>;
}

/** A check whose fault this machine cannot make: shown by a test of captured fixtures, which says why. */
export interface TestRow {
  readonly check: string;
  /** Test file, and the words that its tests' names begin with. */
  readonly test: string;
  readonly named: string;
  readonly because: string;
}

export type Row = LabRow | OwnRow | TestRow;

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
