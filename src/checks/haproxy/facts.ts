export interface ServerRow {
  readonly name: string;
  /** Empty where HAProxy does not tell it to this socket's level. */
  readonly address: string;
  readonly port: number;
  /** UP, DOWN, MAINT, DRAIN, NOLB, no check, or UP 1/3 while it changes. */
  readonly status: string;
  /** What the last check said: "L4CON Connection refused". */
  readonly checkStatus: string;
  readonly weight: number;
  readonly current: number;
  readonly queue: number;
  /** Seconds since it is in its present status. */
  readonly sinceSeconds: number;
  /** UTC ms since when it is down; absent while it is not. */
  readonly downSince?: number;
  readonly sessions: number;
}

export interface HaproxyFacts {
  readonly servers: readonly ServerRow[];
  readonly algorithm: string;
}
