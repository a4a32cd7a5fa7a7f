export interface ServerFacts {
  readonly version: string;
  readonly protocol: 'text' | 'binary';
  readonly uptimeSeconds: number;
}

/** One slab class: items of about one size. */
export interface ClassRow {
  readonly id: number;
  /** Bytes that each of its items takes, key and value and overhead. */
  readonly chunkBytes: number;
  readonly items: number;
  readonly bytes: number;
  readonly pages: number;
  /** Evictions since the look before; undefined at the first look. */
  readonly evictionsPerSecond?: number;
  /** Of those, items that nobody had read since they were stored. */
  readonly unfetchedPerSecond?: number;
  /** Seconds since the item that was evicted last had been used; 0 when none ever was. */
  readonly evictedAgeSeconds: number;
  /** Seconds since its oldest item was used. */
  readonly ageSeconds: number;
  /** Stores since the look before that found no memory. */
  readonly outOfMemoryPerSecond?: number;
}

export type MissReason = 'evicted' | 'never set' | 'expired' | 'other keys each time' | 'evicted or expired';

/** Reads of keys that begin alike, in the capped looks at fetches. */
export interface PrefixRow {
  readonly prefix: string;
  readonly readsPerSecond: number;
  readonly hitShare: number;
  readonly missesPerSecond: number;
  readonly setsPerSecond: number;
  readonly evictionsPerSecond: number;
  /** Why most of its misses are; undefined where it has none. */
  readonly why?: MissReason;
}

export interface FetchFacts {
  /** `watch`: live lines for a moment; `detail`: the server's own counters by prefix; `none`: neither is possible. */
  readonly source: 'watch' | 'detail' | 'none';
  /** Seconds of traffic that were seen. */
  readonly seconds: number;
  readonly reads: number;
  /** Why there is no look at fetches, and what would allow it. */
  readonly problem?: string;
  /** The prefix of the one key that is read most, and its share of all reads. */
  readonly hot?: { readonly prefix: string; readonly share: number };
  /** Most misses first, at most 20. */
  readonly prefixes: readonly PrefixRow[];
}

export interface LatencyFacts {
  /** Milliseconds: median of the round trips, and of the way there without memcached. */
  readonly roundTripMs: number;
  readonly wayMs: number;
  /** Whether the way leads through an SSH tunnel, or memjs's private door: then the figure is an upper bound. */
  readonly tunnelled: boolean;
  readonly upperBound: boolean;
}

export interface MemcachedFacts {
  readonly server: ServerFacts;
  /** Classes that hold or held items, most evictions first. */
  readonly classes: readonly ClassRow[];
  readonly fetches: FetchFacts;
  readonly latency: LatencyFacts;
}
