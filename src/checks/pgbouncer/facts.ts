export interface PgbouncerFacts {
  readonly pools: readonly PoolRow[];
  readonly databases: readonly PoolDatabase[];
  readonly limits: Limits;
}

/** One pool: a database as clients call it, and a role. */
export interface PoolRow {
  readonly database: string;
  readonly role: string;
  readonly clientsActive: number;
  readonly clientsWaiting: number;
  /** Seconds that the first in the queue has waited. */
  readonly longestWait: number;
  /** Sessions of the database that a client has. */
  readonly serversActive: number;
  readonly serversIdle: number;
  /** Sessions that are being opened. */
  readonly serversOpening: number;
  /** session, transaction or statement. */
  readonly mode: string;
  /** Sessions that the pool may have, its reserve with them; 0 when unknown. */
  readonly size: number;
}

export interface PoolDatabase {
  /** As clients call it. */
  readonly name: string;
  /** Where it is: host:port/database. */
  readonly goesTo: string;
  readonly poolSize: number;
  readonly reserve: number;
  readonly current: number;
  /** 0: no limit. */
  readonly most: number;
  readonly paused: boolean;
  readonly disabled: boolean;
}

/** What the configuration allows; absent where this version does not name it. */
export interface Limits {
  readonly maxClientConn?: number;
  readonly defaultPoolSize?: number;
  readonly reservePoolSize?: number;
  readonly maxDbConnections?: number;
  readonly queryWaitTimeout?: number;
  readonly poolMode?: string;
}
