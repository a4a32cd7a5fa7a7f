import { hostPart, type Stack, type StackService } from '../../config/stack.ts';
import type { HistoryView, Point } from '../contract.ts';
import { mean } from '../rate.ts';
import type { HostProcess } from './facts.ts';

/** One program on a host that was given memory to keep things in. */
export interface Cache {
  readonly service: string;
  readonly instance: string;
  readonly kind: CacheKind;
  readonly givenBytes: number;
  readonly usedBytes: number;
  /** Undefined where nothing tells it. */
  readonly uptimeSeconds: number | undefined;
  /** What shows that more in it would help; undefined when nothing does. */
  readonly wanting: string | undefined;
}

export type CacheKind = 'varnish' | 'memcached' | 'postgres' | 'mysql';

interface Signs {
  readonly processes: RegExp;
  readonly hits: string;
  /** Below that share of hits, from so many reads a second on, it misses what it could hold. */
  readonly hitsWanted: number;
  readonly reads: string;
  readonly minimumReads: number;
  /** Bytes of one read, where each is as large as the next. */
  readonly pageBytes?: number;
  readonly evictions?: string;
}

/** How each kind shows that it misses or throws out: its own limits of a healthy one. */
const SIGNS: Readonly<Record<CacheKind, Signs>> = {
  varnish: {
    processes: /^(cache-main|varnishd|vinyld)$/,
    hits: 'varnish.hit_share',
    hitsWanted: 0.8,
    reads: 'varnish.requests',
    minimumReads: 2,
    evictions: 'varnish.lru_nuked',
  },
  memcached: {
    processes: /^memcached$/,
    hits: 'memcached.hit_share',
    hitsWanted: 0.9,
    reads: 'memcached.gets',
    minimumReads: 5,
    evictions: 'memcached.evictions',
  },
  postgres: {
    processes: /^postgres$/,
    hits: 'postgres.cache_hit',
    hitsWanted: 0.95,
    reads: 'postgres.blocks',
    minimumReads: 100,
    pageBytes: 8 * 1024,
  },
  mysql: {
    processes: /^(mysqld|mariadbd)$/,
    hits: 'mysql.pool_hit_rate',
    hitsWanted: 0.98,
    reads: 'mysql.pool_requests',
    minimumReads: 100,
    pageBytes: 16 * 1024,
  },
};

/** Misses and evictions must last: what was just started, deployed or banned misses for a while by itself. */
const LASTING_MS = 300_000;
const UNASKED_MS = 30_000;
/** So much of a window must be covered by what was seen. */
const COVERED = 0.8;
/** Evictions a second that are more than tidying. */
const EVICTING = 0.2;
/** Requests that an application serves while it asks its cache for nothing. */
const SERVING = 5;
const UNASKED = 0.05;

/** What runs on a host and was given memory, from the readings of its own system. */
export function cachesOn(
  host: string,
  stack: Stack,
  history: HistoryView,
  processes: readonly HostProcess[],
  at: number,
): Cache[] {
  return stack.servicesOn(host).flatMap((name) => {
    const service = stack.services.get(name);
    if (!service || !isCacheKind(service.kind)) return [];
    const kind = service.kind;
    return instancesOn(host, service).flatMap((instance) => {
      const latest = (metric: string) => history.latest({ metric, target: name, instance })?.value;
      const own = processes.filter((one) => SIGNS[kind].processes.test(one.name));
      const givenBytes = latest(`${kind}.memory_given`);
      const usedBytes = latest(`${kind}.memory_used`) ?? (kind === 'postgres' ? mostShared(own) : undefined);
      if (givenBytes === undefined || usedBytes === undefined || givenBytes <= 0) return [];
      const started = own.length > 0 ? Math.min(...own.map((one) => one.startedAt)) : undefined;
      return [
        {
          service: name,
          instance,
          kind,
          givenBytes,
          usedBytes,
          uptimeSeconds:
            latest(`${kind}.uptime`) ??
            (started === undefined ? undefined : Math.max(0, at - started) / 1000),
          wanting: wantingOf(kind, service, instance, stack, history, givenBytes - usedBytes),
        },
      ];
    });
  });
}

/** Buffers of PostgreSQL that its processes have touched: the one that touched most knows nearly all of them. */
function mostShared(processes: readonly HostProcess[]): number | undefined {
  const known = processes.flatMap((one) => one.sharedBytes ?? []);
  return known.length > 0 ? Math.max(...known) : undefined;
}

function wantingOf(
  kind: CacheKind,
  service: StackService,
  instance: string,
  stack: Stack,
  history: HistoryView,
  freeBytes: number,
): string | undefined {
  const signs = SIGNS[kind];
  const points = (metric: string, windowMs: number, of: { target: string; instance?: string }) => {
    const found = history.series({ ...of, metric, windowMs });
    const seen = (found.at(-1)?.at ?? 0) - (found[0]?.at ?? 0);
    return seen >= windowMs * COVERED ? found : [];
  };
  const over = (...args: Parameters<typeof points>) => mean(points(...args));
  const own = { target: service.name, instance };
  const lasting = (metric: string) => over(metric, LASTING_MS, own);
  const evictions = signs.evictions === undefined ? 0 : (lasting(signs.evictions) ?? 0);
  if (evictions > EVICTING) return `throws out ${evictions.toFixed(1)} items a second`;
  const reads = lasting(signs.reads) ?? 0;
  const missed = missShare(points(signs.reads, LASTING_MS, own), points(signs.hits, LASTING_MS, own));
  // What is read for the first time fills it: only what would have filled it by now passes it by.
  const missedBytes = missed * reads * (LASTING_MS / 1000) * (signs.pageBytes ?? Infinity);
  if (reads >= signs.minimumReads && missed > 1 - signs.hitsWanted && missedBytes > freeBytes)
    return `misses ${(missed * 100).toFixed(0)} % of its reads`;
  const now = kind === 'memcached' ? over(signs.reads, UNASKED_MS, own) : undefined;
  if (now === undefined || now >= UNASKED) return undefined;
  const serving = stack
    .above(service.name)
    .reduce((sum, name) => sum + (over('uwsgi.requests', UNASKED_MS, { target: name }) ?? 0), 0);
  return serving >= SERVING
    ? `is asked for nothing while ${serving.toFixed(0)} requests a second come to the application that uses it`
    : undefined;
}

/** Share of all reads: a quiet moment that misses much says as little as it is. */
function missShare(reads: readonly Point[], hits: readonly Point[]): number {
  const shares = new Map(hits.map(({ at, value }) => [at, value]));
  let [all, missed] = [0, 0];
  for (const { at, value } of reads) {
    const hit = shares.get(at);
    if (hit === undefined) continue;
    all += value;
    missed += value * (1 - hit);
  }
  return all > 0 ? missed / all : 0;
}

function instancesOn(host: string, { config }: StackService): string[] {
  if (config.kind !== 'memcached') return [host];
  const servers = config.servers.filter((server) => hostPart(server) === host);
  return servers.length === 1 ? [host] : servers;
}

function isCacheKind(kind: string): kind is CacheKind {
  return kind in SIGNS;
}
