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
  /** Most sessions at once (maxconn); absent where it has no limit. */
  readonly limit?: number;
  /** Since HAProxy's start: connections that failed, answers that broke off. */
  readonly failedConnects: number;
  readonly failedAnswers: number;
}

/** Where clients come in. */
export interface FrontendRow {
  readonly name: string;
  readonly status: string;
  readonly current: number;
  readonly most: number;
  readonly limit?: number;
  readonly badRequests: number;
  readonly denied: number;
}

export interface HaproxyFacts {
  readonly servers: readonly ServerRow[];
  readonly algorithm: string;
  readonly frontends: readonly FrontendRow[];
}
