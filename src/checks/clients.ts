/** Who works a database: the one shape in which every kind of database tells it, for `stack.clients`. */
export interface DatabaseUse {
  /** Seconds that the figures cover. */
  readonly seconds: number;
  /** Seconds of database time a second, all clients: 1.5 = one and a half sessions were working all the time. */
  readonly busy: number;
  readonly clients: readonly ClientUse[];
}

/** One client: a role from one address. `application` is a label that anybody may set, never an identity. */
export interface ClientUse {
  readonly role: string;
  /** The client's real address, behind a pooler too; undefined for a local socket or when nothing told it. */
  readonly address: string | undefined;
  readonly application: string;
  readonly database: string;
  readonly sessions: number;
  /** Seconds of database time a second. */
  readonly busy: number;
  /** Texts of its queries of the moment, literals blank, at most 5, longest first. */
  readonly queries: readonly string[];
}

/** Facts that a database's system gives besides its own. */
export interface DatabaseFacts {
  readonly use: DatabaseUse;
}
