import type { DatabaseFacts } from '../clients.ts';

/** A session of the moment. Texts of queries have their literals blank. */
export interface SessionRow {
  readonly id: number;
  readonly user: string;
  /** The client's address as the server sees it; undefined for a local socket. */
  readonly address: string | undefined;
  readonly database: string;
  /** Query, Sleep, Binlog Dump … */
  readonly command: string;
  readonly state: string;
  /** Seconds in this command: how long a query runs, how long a sleeper sleeps. */
  readonly seconds: number;
  readonly query: string;
  /** What the client calls itself; anybody may call himself anything. */
  readonly program: string;
  readonly rowsExamined: number | undefined;
  /** Of an open InnoDB transaction. */
  readonly transaction: TransactionPart | undefined;
}

export interface TransactionPart {
  readonly seconds: number;
  /** About how many rows it has locked. */
  readonly rowsLocked: number;
  /** Rows changed: what its undo holds, and what a rollback takes back. */
  readonly rowsModified: number;
  readonly waits: boolean;
}

export interface LockWait {
  readonly waiter: number;
  /** Undefined where the server does not tell who holds it. */
  readonly blocker: number | undefined;
  readonly kind: 'row' | 'table';
  /** `shop.product` */
  readonly object: string;
  readonly mode: string;
  readonly seconds: number;
}

/** Somebody who holds a lock and waits for nobody, and all that waits behind. */
export interface LockRoot {
  /** Undefined where the server does not tell who it is. */
  readonly id: number | undefined;
  readonly waiters: readonly number[];
  /** Seconds of the one that waits longest. */
  readonly longest: number;
  readonly objects: readonly string[];
}

export interface PlanStep {
  readonly table: string;
  /** ALL is every row of the table, index every entry of an index. */
  readonly access: string;
  readonly key: string;
  readonly rows: number | undefined;
  readonly extra: string;
}

export interface LongQuery {
  readonly id: number;
  /** Empty where none could be had; `problem` says why. */
  readonly plan: readonly PlanStep[];
  readonly problem: string | undefined;
}

export interface Holder {
  readonly user: string;
  readonly address: string | undefined;
  readonly sessions: number;
  readonly sleeping: number;
  readonly longestSleep: number;
}

/** One pattern of statements over the seconds since the last look; rates are per second. */
export interface Pattern {
  readonly id: string;
  readonly database: string;
  readonly text: string;
  /** Undefined where the source counts no calls. */
  readonly calls: number | undefined;
  /** Seconds of database time a second. */
  readonly busy: number;
  readonly share: number;
  readonly examinedPerCall: number | undefined;
  readonly sentPerCall: number | undefined;
  /** Share of the calls that used no index, or no good one. */
  readonly noIndex: number | undefined;
  readonly p95: number | undefined;
  readonly plan: readonly PlanStep[];
}

export type PatternSource = 'performance_schema' | 'slow log' | 'process list';

export interface Patterns {
  readonly source: PatternSource;
  /** Why not a better source; the digest table that is full. */
  readonly notes: readonly string[];
  readonly seconds: number;
  /** Seconds of database time a second, all patterns. */
  readonly busy: number;
  /** By time, at most 50. */
  readonly rows: readonly Pattern[];
}

/** A column that points to a row of another table and is the first of no index. */
export interface UnindexedRelation {
  readonly database: string;
  readonly table: string;
  readonly column: string;
  /** The table that it points to, by a declared foreign key, else by its name; empty where the name does not say which. */
  readonly references: string;
  readonly declared: boolean;
  readonly rows: number;
  readonly bytes: number;
  /** Parts of ALTER TABLE … ADD INDEX index (column), ALGORITHM=INPLACE, LOCK=NONE; names as the catalogue gives them, unquoted. */
  readonly add: { readonly index: string; readonly algorithm: 'INPLACE'; readonly lock: 'NONE' };
}

export interface TableSize {
  readonly database: string;
  readonly table: string;
  readonly engine: string;
  readonly rows: number;
  readonly dataBytes: number;
  readonly indexBytes: number;
}

export interface Difference {
  readonly kind: 'table' | 'column' | 'index' | 'constraint' | 'migration';
  /** `shop.order_item.order_id`, or the migration's name. */
  readonly name: string;
  readonly here: string;
  readonly reference: string;
  readonly what: 'missing' | 'extra' | 'different';
}

export interface Drift {
  /** File name or kind of source. */
  readonly reference: string;
  readonly differences: readonly Difference[];
  readonly tables: number;
  /** Why it could not be compared. */
  readonly problem: string | undefined;
}

/** One stream that a server replicates from. */
export interface ReplicaChannel {
  readonly name: string;
  readonly source: string;
  readonly io: string;
  readonly sql: string;
  /** Undefined where the server does not know it: a thread stands. */
  readonly behind: number | undefined;
  /** Seconds that it stays behind on purpose. */
  readonly delay: number;
  readonly error: string;
  /** Read and applied: `binlog.000001:8212`, and GTIDs where it uses them. */
  readonly read: string;
  readonly applied: string;
}

export interface Replication {
  readonly role: 'primary' | 'replica' | 'only';
  readonly readOnly: boolean;
  readonly channels: readonly ReplicaChannel[];
  /** False where we may not ask; then nothing is known of channels. */
  readonly told: boolean;
}

export interface MysqlFacts extends DatabaseFacts {
  /** True while the server refuses us because all its connections are taken. */
  readonly full: boolean;
  readonly sessions: readonly SessionRow[];
  readonly holders: readonly Holder[];
  readonly locks: readonly LockWait[];
  readonly roots: readonly LockRoot[];
  readonly longQueries: readonly LongQuery[];
  readonly patterns: Patterns;
  /** Why the better sources of patterns could not be had. */
  readonly sourceNotes: readonly string[];
  /** What process lists of the last minute showed. */
  readonly sampled: Patterns;
  readonly unindexed: readonly UnindexedRelation[];
  readonly tables: readonly TableSize[];
  readonly drift: Drift;
  readonly replication: Replication;
}
