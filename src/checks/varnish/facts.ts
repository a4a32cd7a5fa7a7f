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
  /** Requests for pages that are not there which reached the application, all of them. */
  readonly missing: {
    readonly requests: number;
    readonly backendRequests: number;
    readonly backendSeconds: number;
  };
  /** What of that Varnish could answer, the most frequent first; nothing under which a page was found. */
  readonly notFound: readonly NotFoundRow[];
}

export interface BackendRow {
  readonly backend: string;
  readonly vcl: string;
  readonly healthy: boolean;
  readonly hasProbe: boolean;
  readonly connections: number;
  readonly requests: number;
}

export interface StorageRow {
  readonly name: string;
  /** `SMA` is malloc, `SMU` umem, `SMF` a file. */
  readonly kind: string;
  readonly usedBytes: number;
  /** Null where it has no limit. */
  readonly sizeBytes: number | null;
  /** Null while there is no pair of snapshots. */
  readonly writtenPerSecond: number | null;
  /** Objects that found no room, since the start. */
  readonly failed: number;
}

/** How many threads a pool may have, and who said so. */
export interface ThreadLimit {
  readonly perPool: number;
  readonly source: 'varnishd' | 'its command line' | 'default';
}

/** Answers that say "there is no such page" and that Varnish could give itself. */
export interface NotFoundRow {
  /** A path, or a beginning of paths: under it nothing was found in the window. */
  readonly kind: 'exact' | 'prefix';
  readonly path: string;
  readonly requests: number;
  readonly backendRequests: number;
  /** Seconds of the application, summed. */
  readonly backendSeconds: number;
  readonly urls: number;
  readonly examples: readonly string[];
  readonly cacheControl?: string;
}

/** A URL of the config as our own requests got it. */
export interface PageLook {
  readonly pattern: string;
  readonly kind: 'cached' | 'passed';
  /** The URL that was asked for; undefined where none is known. */
  readonly path?: string;
  /** Why nothing was asked. */
  readonly skipped?: string;
  /** UTC ms. */
  readonly at: number;
  /** In order; the last only where the cache gave it to the first visitor and not to another. */
  readonly answers: readonly PageAnswer[];
}

export interface PageAnswer {
  readonly as: 'a visitor' | 'the same again' | 'another with a cookie' | 'the first once more';
  readonly status: number;
  /** Whether it came from the cache; undefined when nothing in it tells. */
  readonly hit?: boolean;
  /** By what that was told. */
  readonly toldBy?: string;
  readonly age?: number;
  readonly xVarnish?: string;
  readonly cacheControl?: string;
  readonly setCookie: boolean;
  readonly vary?: string;
}

export interface VarnishFacts {
  readonly log: LogFacts;
  readonly backends: readonly BackendRow[];
  readonly storages: readonly StorageRow[];
  /** When the cache was last emptied, UTC ms, as far as was seen. */
  readonly emptied: { readonly at: number; readonly by: 'a start' | 'a ban' };
  readonly threadLimit: ThreadLimit;
  readonly pages: readonly PageLook[];
}
