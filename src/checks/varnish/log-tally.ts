import type { Tally } from './facts.ts';

export type MutableTally = { -readonly [K in keyof Tally]: Tally[K] } & { statuses: Record<string, number> };

export function newTally(): MutableTally {
  return {
    requests: 0,
    hits: 0,
    misses: 0,
    passes: 0,
    pipes: 0,
    synths: 0,
    errors: 0,
    statuses: {},
    backendRequests: 0,
    backendSeconds: 0,
  };
}

const HANDLINGS: Readonly<Record<string, 'hits' | 'misses' | 'passes' | 'pipes' | 'synths'>> = {
  hit: 'hits',
  streaming: 'hits',
  'streaming-hit': 'hits',
  miss: 'misses',
  pass: 'passes',
  pipe: 'pipes',
  synth: 'synths',
};

/** Counts one record: a client's as a request, a backend's with the time that it took. */
export function growTally(
  tally: MutableTally,
  record: {
    readonly client: boolean;
    readonly handling: string;
    readonly status: number;
    readonly seconds: number;
  },
): void {
  if (!record.client) {
    tally.backendRequests += 1;
    tally.backendSeconds += record.seconds;
    return;
  }
  tally.requests += 1;
  const handling = Object.hasOwn(HANDLINGS, record.handling) ? HANDLINGS[record.handling] : undefined;
  if (handling) tally[handling] += 1;
  const status = String(record.status);
  tally.statuses[status] = (tally.statuses[status] ?? 0) + 1;
  // No status at all is a request whose answer never came.
  if (record.status >= 500 || record.status === 0) tally.errors += 1;
}

export function addTally(to: MutableTally, from: Tally): void {
  to.requests += from.requests;
  to.hits += from.hits;
  to.misses += from.misses;
  to.passes += from.passes;
  to.pipes += from.pipes;
  to.synths += from.synths;
  to.errors += from.errors;
  to.backendRequests += from.backendRequests;
  to.backendSeconds += from.backendSeconds;
  for (const [status, count] of Object.entries(from.statuses))
    to.statuses[status] = (to.statuses[status] ?? 0) + count;
}

/** `/legacy/a/b` -> `/legacy/*`; a path of one segment is its own group. */
export function groupOf(path: string): string {
  const second = path.indexOf('/', 1);
  return second > 0 ? `${path.slice(0, second)}/*` : path;
}
