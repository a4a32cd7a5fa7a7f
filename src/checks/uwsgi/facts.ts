/** One worker as its statistics show it. */
export interface WorkerRow {
  readonly id: number;
  readonly pid: number;
  readonly status: string;
  readonly busy: boolean;
  /** False when it has no application, as after a broken reload: it answers 500. */
  readonly loaded: boolean;
  readonly requests: number;
  /** Mean time of a request since the snapshot before; null when it finished none. */
  readonly meanSeconds: number | null;
  /** 0 where uWSGI runs without memory-report. */
  readonly rss: number;
  /** Path of the request that it works on; its query is left out. */
  readonly currentPath?: string;
  readonly runningForSeconds?: number;
}

/** Requests being worked on at the moment, by path. */
export interface InFlightRow {
  readonly path: string;
  readonly count: number;
  readonly longestSeconds: number;
}

/** Where workers' time went in the last minute: what they were on at each look. */
export interface PathRow {
  readonly path: string;
  /** Looks at which a worker was on it, each worker counted. */
  readonly seen: number;
  /** Of all that workers were seen on. */
  readonly share: number;
}

export interface UwsgiFacts {
  /** Most time first, at most 20; from as many looks as `sampled` says. */
  readonly paths: readonly PathRow[];
  readonly sampled: number;
  readonly workers: readonly WorkerRow[];
  readonly inFlight: readonly InFlightRow[];
}
