import type { DatabaseUse } from '../clients.ts';

/** Times are seconds, sizes bytes, rates a second. Texts of queries have their literals blank. */
export interface PostgresFacts {
  readonly server: ServerFacts;
  readonly connections: readonly ConnectionRow[];
  /** Sessions that are not idle, longest first. */
  readonly sessions: readonly SessionRow[];
  /** Who waits for whom: the roots wait for nobody. */
  readonly lockTree: readonly LockNode[];
  readonly plans: readonly PlanRow[];
  readonly use: DatabaseUse;
  readonly statements: readonly StatementRow[];
  readonly foreignKeys: readonly ForeignKeyRow[];
  readonly tables: readonly TableRow[];
  readonly horizon: readonly HorizonRow[];
  readonly drift: Drift;
  readonly replication: Replication;
  readonly ages: readonly AgeRow[];
}

export interface ServerFacts {
  /** 150013 */
  readonly version: number;
  readonly maxConnections: number;
  /** Places that only superusers and their like get. */
  readonly reserved: number;
  /** Set when a connection was refused because all places are taken: what the server said. */
  readonly full?: string;
}

export interface ConnectionRow {
  readonly role: string;
  /** A pooler's own address where one stands between; undefined for a local socket. */
  readonly address: string | undefined;
  readonly application: string;
  readonly database: string;
  readonly state: string;
  readonly count: number;
  /** Seconds since the oldest of them was last asked something. */
  readonly oldestSeconds: number;
}

export interface SessionRow {
  readonly pid: number;
  /** backend_start as PostgreSQL writes it, to the microsecond: with the pid it names the session for good. */
  readonly backendStart: string;
  readonly role: string;
  readonly database: string;
  /** The client's real address where a pooler told it; undefined for a local socket. */
  readonly address: string | undefined;
  /** Name of the pooler service between. */
  readonly through?: string;
  readonly application: string;
  /** backend_type: "client backend", "autovacuum worker", "walsender". */
  readonly kind: string;
  readonly state: string;
  /** In this state: of the running statement when active, of doing nothing when idle in transaction. */
  readonly seconds: number;
  readonly transactionSeconds: number | null;
  /** "Lock:transactionid"; empty when it waits for nothing. */
  readonly wait: string;
  readonly query: string;
  readonly queryId?: string;
  /** Transactions that began since the oldest row version that it may still need; null when it needs none. */
  readonly xminAge: number | null;
  /** Whether its transaction wrote something. */
  readonly writes: boolean;
  readonly blockedBy: readonly number[];
}

export interface LockNode {
  readonly session: SessionRow | undefined;
  readonly pid: number;
  /** What it waits for: "ShareLock on transactionid", "AccessExclusiveLock on public.orders"; empty at a root. */
  readonly waitsFor: string;
  readonly seconds: number;
  readonly children: readonly LockNode[];
  /** All that wait behind it, directly or not. */
  readonly waiters: number;
}

export interface PlanRow {
  /** Of a session that ran when it was explained; 0 when the statement was explained in general. */
  readonly pid: number;
  readonly queryId?: string;
  readonly query: string;
  /** Lines of the plan, literals blank; empty when it was refused. */
  readonly lines: readonly string[];
  /** Tables that it reads from start to end, and how many of their rows are left by filter and join. */
  readonly sequential: readonly { readonly table: string; readonly kept: number }[];
  /** Why there is no plan. */
  readonly problem?: string;
}

export interface StatementRow {
  readonly id: string;
  readonly role: string;
  readonly database: string;
  readonly query: string;
  readonly callsPerSecond: number;
  /** Seconds of database time a second. */
  readonly busy: number;
  /** Of all database time since the snapshot before. */
  readonly share: number;
  readonly meanSeconds: number;
  readonly rowsPerCall: number;
  /** Blocks that were not in memory, a call. */
  readonly readsPerCall: number;
}

/** A foreign key whose columns no index of its table begins with. The parts of a CREATE INDEX are schema, table, columns. */
export interface ForeignKeyRow {
  readonly name: string;
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly string[];
  readonly parent: string;
  readonly rows: number;
  readonly bytes: number;
  /** Rows a second that full reads of the table go through; null until there are two snapshots. */
  readonly scannedPerSecond: number | null;
  readonly scansPerSecond: number | null;
  /** Deletes and updates a second of the table that it points at: a delete looks through all of this one. */
  readonly parentWritesPerSecond: number | null;
  /** The dearest statement that names table and columns. */
  readonly query?: string;
  readonly queryId?: string;
  readonly queryMeanSeconds?: number;
  readonly queryCalls?: number;
  readonly plan?: PlanRow;
}

export interface TableRow {
  readonly schema: string;
  readonly table: string;
  readonly rows: number;
  readonly deadRows: number;
  readonly bytes: number;
  readonly sequentialPerSecond: number | null;
  readonly scannedPerSecond: number | null;
  readonly indexPerSecond: number | null;
  readonly writesPerSecond: number | null;
  /** Seconds since; null when never. */
  readonly vacuumSeconds: number | null;
  readonly analyzeSeconds: number | null;
}

/** What keeps dead rows from being taken away. */
export interface HorizonRow {
  readonly holder: string;
  readonly xminAge: number;
  readonly seconds: number | null;
}

export interface Drift {
  /** undefined: no reference is configured. */
  readonly reference?: string;
  readonly differences: readonly Difference[];
  /** Objects that only this database has; they are no fault by themselves. */
  readonly extra: readonly Difference[];
  /** Migrations that the reference has and this database has not: "shop.0003_order_item_order_index". */
  readonly migrations: readonly string[];
  /** Why migrations could not be compared. */
  readonly problem?: string;
}

export interface Difference {
  readonly kind: 'table' | 'column' | 'index' | 'constraint';
  /** "public.order_item" */
  readonly table: string;
  readonly name: string;
  /** Definition in the reference; empty when only this database has it. */
  readonly expected: string;
  /** Definition here; empty when it is missing. */
  readonly found: string;
}

export interface Replication {
  readonly role: 'primary' | 'replica';
  /** Bytes of log written so far: of the primary written, of a replica replayed. */
  readonly position: number;
  readonly standbys: readonly StandbyRow[];
  readonly slots: readonly SlotRow[];
  /** Of a replica. */
  readonly receiver?: ReceiverRow;
}

export interface StandbyRow {
  readonly application: string;
  readonly address: string | undefined;
  readonly state: string;
  readonly sync: string;
  readonly lagBytes: number;
  /** 0 when it has replayed everything: PostgreSQL keeps the last value for a while. */
  readonly lagSeconds: number | null;
}

export interface SlotRow {
  readonly name: string;
  readonly kind: string;
  readonly active: boolean;
  /** Bytes of log that are kept for it. */
  readonly keptBytes: number;
  readonly status: string;
}

export interface ReceiverRow {
  readonly streaming: boolean;
  readonly paused: boolean;
  /** Received and not yet replayed. */
  readonly lagBytes: number;
  readonly lagSeconds: number | null;
  readonly sender: string;
}

export interface AgeRow {
  readonly database: string;
  readonly what: 'transactions' | 'multixacts';
  readonly age: number;
  /** Where autovacuum begins to work on it, needed or not. */
  readonly freezeMax: number;
}
