import type { z } from 'zod';
import type { ServerSource } from '../config/schema.ts';
import type { Host, Stack, StackService } from '../config/stack.ts';
import type { PartHealth } from '../health/health.ts';
import type { Target } from '../targets/contract.ts';
import type { LinkKind } from '../targets/links.ts';

/** Units of readings and figures. Seconds and bytes are plain SI; a share is 0 to 1; a rate is per second. */
export type Unit = 's' | 'ms' | 'B' | 'share' | '/s' | 'cores' | 'count' | 'B/s' | 'pages/s';

/** One number. Labels come from the config or a catalogue, never a URL, a query or a process id. */
export interface Reading {
  readonly metric: string;
  readonly value: number;
  readonly unit: Unit;
  readonly labels?: Readonly<Record<string, string>>;
}

/** What a collector runs against: a host, or one host's instance of a service. */
export interface Place {
  readonly system: string;
  /** The service's name, or the host's where the system watches hosts; the name behind `check@`. */
  readonly target: string;
  /** The host's name; a server on no host of the config is called as the config calls it. */
  readonly instance: string;
  /** The host from which it is reached; undefined where it is reached from this machine. */
  readonly host: Host | undefined;
  /** Of a service that is spoken to by a client. */
  readonly server?: PlaceServer;
  readonly service?: StackService;
  readonly stack: Stack;
}

/** How a server is reached, and what the config says that it is. */
export interface PlaceServer {
  readonly source: ServerSource;
  /** `only`: kinds that have no replicas. */
  readonly role: 'primary' | 'replica' | 'only';
}

export interface CollectContext {
  readonly place: Place;
  readonly target: Target;
  /** Aborted at the collector's deadline. */
  readonly signal: AbortSignal;
  /** What all of this place's collectors found last; given to scheduled rounds alone. */
  latest?<F>(): Partial<F>;
  /**
   * Works with a kept client of a server (`place.server.source`); its connections are bounded and shared. `from` names
   * another host of the config that it is reached from: a pooler's console is where the pooler runs.
   */
  link<C, R>(
    kind: LinkKind<C>,
    source: ServerSource,
    work: (client: C) => Promise<R>,
    from?: string,
  ): Promise<R>;
}

export interface Timed<S> {
  /** When the snapshot was taken, UTC milliseconds of this machine's clock. */
  readonly at: number;
  readonly snapshot: S;
}

/** `facts` are typed tables, latest only; a collector gives those that it knows. */
export interface Measured<F> {
  readonly readings: readonly Reading[];
  readonly facts: Partial<F>;
}

/** One round trip, and its pure reading. */
export interface Collector<S, F> {
  readonly id: string;
  readonly everySeconds: 5 | 10 | 15 | 20 | 30 | 60;
  /** Milliseconds; default 4000. A missed deadline is an error, never half a snapshot. */
  readonly timeoutMs?: number;
  /** I/O and parsing only (a log window may carry the windows before it along); throws a WarroomError (NO_RIGHT with its mend where a right is missing). */
  collect(context: CollectContext, previous: Timed<S> | undefined): Promise<S>;
  /**
   * Pure. `previous` is undefined on the first round. Rates come from the two; counter resets and gaps give no
   * rate at all, never a negative one or a spike.
   */
  measure(previous: Timed<S> | undefined, current: Timed<S>, place: Place): Measured<F>;
}

export type Level = 'ok' | 'warn' | 'critical' | 'unknown';
export type Basis = 'enough' | 'thin';

export type Cell = string | number | null;
/** Strings in evidence come from watched systems: renderers escape them. */
export type Evidence =
  | { readonly kind: 'figures'; readonly rows: readonly Figure[] }
  | {
      readonly kind: 'table';
      readonly title: string;
      readonly columns: readonly Column[];
      readonly rows: readonly (readonly Cell[])[];
    }
  | { readonly kind: 'note'; readonly text: string };
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: Unit;
  readonly limit?: number;
}
export interface Column {
  readonly name: string;
  readonly unit?: Unit;
}

/** Identity is `check@target[/subject]`. */
export interface Finding {
  readonly check: string;
  readonly target: string;
  readonly subject?: string;
  readonly level: Level;
  /** ok and past the clearing threshold; only such a sample helps to close an incident. */
  readonly cleared: boolean;
  /** No second sample is needed (a server that is down, a disk that is full). */
  readonly certain: boolean;
  readonly basis: Basis;
  /** One sentence with figure and limit. */
  readonly summary: string;
  readonly value?: number;
  readonly unit?: Unit;
  readonly threshold?: number;
  readonly evidence: readonly Evidence[];
  readonly advice?: string;
}

/** `check@target[/subject]` of a finding. */
export function identity(finding: Pick<Finding, 'check' | 'target' | 'subject'>): string {
  return `${finding.check}@${finding.target}${finding.subject ? `/${finding.subject}` : ''}`;
}

/** What a judge returns; the engine adds check and target, and defaults: cleared = level ok, certain = false, basis = enough. */
export type Verdict = Omit<Finding, 'check' | 'target' | 'cleared' | 'certain' | 'basis' | 'evidence'> &
  Partial<Pick<Finding, 'cleared' | 'certain' | 'basis' | 'evidence'>>;

/** One instance as last measured, all its collectors merged. */
export interface InstanceView<F> {
  readonly instance: string;
  /** UTC ms of the oldest merged collector. */
  readonly at: number;
  readonly readings: readonly Reading[];
  readonly facts: Partial<F>;
  /** The value of a reading with exactly these labels (none by default). */
  value(metric: string, labels?: Readonly<Record<string, string>>): number | undefined;
  /** All readings of a metric, whatever their labels. */
  all(metric: string): readonly Reading[];
}

export interface Point {
  readonly at: number;
  readonly value: number;
}

/** The past, read only. Series are oldest first. `instance` undefined = summed over instances, sample by sample. */
export interface HistoryView {
  series(query: SeriesQuery): readonly Point[];
  latest(query: Omit<SeriesQuery, 'windowMs'>): Point | undefined;
}
export interface SeriesQuery {
  readonly metric: string;
  readonly target: string;
  readonly instance?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly windowMs: number;
}

/** A change that checks must know of: a deploy mark, a remediation applied, a restart seen. */
export interface Change {
  readonly at: number;
  readonly what: string;
  readonly target?: string;
}

export interface JudgeInput<F, T> {
  readonly target: string;
  readonly at: number;
  /** Those that answered; an instance that did not is reported by the engine as unknown. */
  readonly instances: readonly InstanceView<F>[];
  readonly history: HistoryView;
  readonly changes: readonly Change[];
  readonly thresholds: T;
  readonly stack: Stack;
  /** How Warroom's own parts are; what the `self` checks judge from. */
  readonly health?: { of(kind: string): readonly PartHealth[] };
  /** The newest facts of any target, by instance: for checks that span tiers. */
  facts?<O>(target: string): ReadonlyMap<string, Partial<O>>;
}

export interface Check<F, T> {
  /** `system.question`, as in the catalogue. */
  readonly id: string;
  readonly question: string;
  /** A zod object whose every key has a default and a description that gives the default's reason. */
  readonly thresholds: z.ZodType<T>;
  /** Ids of this system's collectors without whose answer the check is unknown; it is judged whenever the first of them was read. */
  readonly needs: readonly string[];
  /**
   * Pure. Gives at least one verdict for a target that was measured; below its minimum traffic `ok` with basis
   * `thin`. A subject that was bad and is not named any more counts as good.
   */
  judge(input: JudgeInput<F, T>): readonly Verdict[];
  /** For the docs: when this is a false alarm. */
  readonly falseAlarm: string;
}

/** A read-only question that a cause may ask; runs under the reading account. */
export interface Probe<A, R> {
  readonly id: string;
  run(context: CollectContext, args: A): Promise<R>;
}

/** A live look for a command: takes its own snapshots, gives evidence to show. */
export interface View {
  /** What is typed behind the system's name: `varnish top`; '' is the default view. */
  readonly name: string;
  readonly summary: string;
  /** What the look costs its target, in a sentence; such a view needs the right to operate and runs once a host. */
  readonly cost?: string;
  show(context: CollectContext, args: readonly string[]): Promise<readonly Evidence[]>;
}

export interface SystemDefinition<F> {
  readonly id: string;
  /** `host`: once a host. A service kind: once for each host of each service of that kind. `stack`, `self`: once, judged from history or from Warroom's own health alone. */
  readonly watches: 'host' | 'stack' | 'self' | StackService['kind'];
  // biome-ignore lint/suspicious/noExplicitAny: each collector has a snapshot type of its own, known to it alone.
  readonly collectors: readonly Collector<any, F>[];
  // biome-ignore lint/suspicious/noExplicitAny: each check has a threshold type of its own, given by its schema.
  readonly checks: readonly Check<F, any>[];
  readonly views: readonly View[];
  /** For a proxy: which hosts it sends requests of which service to, so that a spare in use is watched too. */
  serves?(
    instances: readonly InstanceView<F>[],
    stack: Stack,
  ): readonly { readonly service: string; readonly host: string }[];
  /** The figures of the service's row in `status`, e.g. "91 % true hits". */
  figures(instances: readonly InstanceView<F>[]): string;
}

/** A system with its facts' type hidden: what everything outside its folder sees. */
export type System = SystemDefinition<object>;

export function defineSystem<F extends object>(definition: SystemDefinition<F>): System {
  return definition as unknown as System;
}

export function defineCheck<F, T>(check: Check<F, T>): Check<F, T> {
  return check;
}
