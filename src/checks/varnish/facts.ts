/** Why requests for a URL are not served from the cache; the header or rule that was seen. */
export type Reason =
  | 'no-store'
  | 'set-cookie'
  | 'cookie'
  | 'authorization'
  | 'vary'
  | 'ttl-0'
  | 'method'
  | 'pass'
  | 'pipe'
  | 'error'
  | 'cold'
  | 'hit'
  | 'synth';

/** How requests were handled, summed. Counts are of the records seen, not scaled up. */
export interface Tally {
  readonly requests: number;
  readonly hits: number;
  readonly misses: number;
  readonly passes: number;
  readonly pipes: number;
  readonly synths: number;
  /** Answers of 500 and above. */
  readonly errors: number;
  /** Requests by status, e.g. { "301": 12 }. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly backendRequests: number;
  /** Seconds that the backend took for them, summed. */
  readonly backendSeconds: number;
}

export interface UrlRow extends Tally {
  readonly method: string;
  readonly host: string;
  /** Without its query. */
  readonly path: string;
  /** The row's group: `/legacy/*`. */
  readonly group: string;
  /** The most frequent status. */
  readonly status: number;
  readonly location?: string;
  readonly cacheControl?: string;
  readonly setCookie: boolean;
  readonly vary?: string;
  readonly reason: Reason;
}

/** All URLs of one first path segment. */
export interface GroupRow extends Tally {
  readonly group: string;
  readonly urls: number;
  /** Up to three of its URLs, the dearest first. */
  readonly examples: readonly string[];
  /** Distinct client networks (/24, /48). */
  readonly clients: number;
  /** The part of it that was answered by 301 or 308. */
  readonly permanent: {
    readonly requests: number;
    readonly backendRequests: number;
    readonly backendSeconds: number;
  };
}

/** The last minute of Varnish's log. */
export interface LogFacts {
  /** Seconds of log that the rows are from. */
  readonly seconds: number;
  readonly requests: number;
  /** True when more came than was read: shares hold, counts are of a sample. */
  readonly limited: boolean;
  readonly backendRequests: number;
  readonly backendSeconds: number;
  readonly permanent: { readonly backendRequests: number; readonly backendSeconds: number };
  /** The dearest 300, by backend time, then requests. */
  readonly urls: readonly UrlRow[];
  readonly groups: readonly GroupRow[];
}

export interface BackendRow {
  readonly backend: string;
  readonly vcl: string;
  readonly healthy: boolean;
  readonly hasProbe: boolean;
  readonly connections: number;
  readonly requests: number;
}

export interface VarnishFacts {
  readonly log: LogFacts;
  readonly backends: readonly BackendRow[];
}
