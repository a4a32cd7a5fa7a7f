import type { Measured, Place, Reading, Timed, Unit } from '../contract.ts';
import { growth, secondsBetween, share } from '../rate.ts';
import type { BackendRow, StorageRow, VarnishFacts } from './facts.ts';
import type { LogSnapshot } from './log.ts';
import { logFacts } from './log-facts.ts';
import { type LogWindow, urlId } from './log-window.ts';
import type { Backend, StatSnapshot } from './stat.ts';

/** Percentiles come from windows this young. */
const VISITORS_MS = 11_000;
/** So many failed probes in a row are a sick backend, whatever its own threshold is. */
const NEWEST_PROBES = 0b111n;

const RATES = [
  ['varnish.hits', 'MAIN.cache_hit'],
  ['varnish.misses', 'MAIN.cache_miss'],
  ['varnish.passes', 'MAIN.s_pass'],
  ['varnish.pipes', 'MAIN.s_pipe'],
  ['varnish.synths', 'MAIN.s_synth'],
  ['varnish.backend_requests', 'MAIN.backend_req'],
  ['varnish.fetch_failed', 'MAIN.fetch_failed'],
  ['varnish.sessions_dropped', 'MAIN.sess_dropped'],
  ['varnish.sessions_queued', 'MAIN.sess_queued'],
  ['varnish.requests_dropped', 'MAIN.req_dropped'],
  ['varnish.threads_limited', 'MAIN.threads_limited'],
  ['varnish.threads_failed', 'MAIN.threads_failed'],
  ['varnish.lru_nuked', 'MAIN.n_lru_nuked'],
  ['varnish.lru_limited', 'MAIN.n_lru_limited'],
  ['varnish.bans', 'MAIN.bans_added'],
] as const;
const HANDLED = ['varnish.hits', 'varnish.misses', 'varnish.passes', 'varnish.pipes', 'varnish.synths'];

export function measureStat(
  previous: Timed<StatSnapshot> | undefined,
  current: Timed<StatSnapshot>,
): Measured<VarnishFacts> {
  const { counters } = current.snapshot;
  const readings: Reading[] = [];
  const gauge = (metric: string, counter: string, unit: Unit) => {
    const value = counters[counter];
    if (value !== undefined) readings.push({ metric, value, unit });
  };
  gauge('varnish.uptime', 'MAIN.uptime', 's');
  gauge('varnish.threads', 'MAIN.threads', 'count');
  gauge('varnish.thread_queue', 'MAIN.thread_queue_len', 'count');
  gauge('varnish.thread_pools', 'MAIN.pools', 'count');
  gauge('varnish.objects', 'MAIN.n_object', 'count');
  readings.push(...memory(current.snapshot));
  const { emptied } = current.snapshot;
  if (emptied)
    readings.push({
      metric: 'varnish.cache_age',
      value: Math.max(0, (current.at - emptied.at) / 1000),
      unit: 's',
    });
  readings.push(...rates(previous, current));
  const backends = backendRows(previous, current);
  for (const row of backends)
    readings.push({
      metric: 'varnish.backend_healthy',
      value: row.healthy ? 1 : 0,
      unit: 'count',
      labels: { backend: row.backend },
    });
  return {
    readings,
    facts: {
      backends,
      storages: storageRows(previous, current),
      ...(emptied ? { emptied } : {}),
    },
  };
}

const IN_MEMORY = new Set(['SMA', 'SMU']);
/** What is short-lived or passed goes here, whatever the cache holds; it has no limit by default. */
const TRANSIENT = 'Transient';

/** Of the storages in memory that have a size. */
function memory({ storages }: StatSnapshot): Reading[] {
  const sized = storages.filter((one) => IN_MEMORY.has(one.kind) && one.name !== TRANSIENT);
  if (sized.length === 0) return [];
  const used = sized.reduce((sum, one) => sum + one.usedBytes, 0);
  return [
    {
      metric: 'varnish.memory_given',
      value: sized.reduce((sum, one) => sum + one.freeBytes, used),
      unit: 'B',
    },
    { metric: 'varnish.memory_used', value: used, unit: 'B' },
  ];
}

function storageRows(previous: Timed<StatSnapshot> | undefined, current: Timed<StatSnapshot>): StorageRow[] {
  const seconds = secondsBetween(previous, current);
  const before = new Map(previous?.snapshot.storages.map((one) => [one.name, one]));
  return current.snapshot.storages.map((one) => {
    const grown = growth(before.get(one.name)?.allocatedBytes, one.allocatedBytes);
    return {
      name: one.name,
      kind: one.kind,
      usedBytes: one.usedBytes,
      sizeBytes: one.freeBytes > 0 || one.name !== TRANSIENT ? one.usedBytes + one.freeBytes : null,
      writtenPerSecond: seconds === undefined || grown === undefined ? null : grown / seconds,
      failed: one.failed,
    };
  });
}

/** No rate at all after a restart: every counter began again with it. */
function rates(previous: Timed<StatSnapshot> | undefined, current: Timed<StatSnapshot>): Reading[] {
  const seconds = secondsBetween(previous, current);
  if (!previous || seconds === undefined) return [];
  const before = previous.snapshot.counters;
  const now = current.snapshot.counters;
  if (growth(before['MAIN.uptime'], now['MAIN.uptime']) === undefined) return [];
  const perSecond = new Map<string, number>();
  for (const [metric, counter] of RATES) {
    const grown = growth(before[counter], now[counter]);
    if (grown !== undefined) perSecond.set(metric, grown / seconds);
  }
  const readings = [...perSecond].map(([metric, value]): Reading => ({ metric, value, unit: '/s' }));
  const handled = HANDLED.flatMap((metric) => perSecond.get(metric) ?? []);
  if (handled.length < HANDLED.length) return readings;
  const requests = handled.reduce((sum, value) => sum + value, 0);
  const [hits = 0, misses = 0, passes = 0, pipes = 0] = handled;
  readings.push({ metric: 'varnish.requests', value: requests, unit: '/s' });
  const hitShare = share(hits, requests);
  const toBackend = share(misses + passes + pipes, requests);
  if (hitShare !== undefined) readings.push({ metric: 'varnish.hit_share', value: hitShare, unit: 'share' });
  if (toBackend !== undefined)
    readings.push({ metric: 'varnish.offload_share', value: 1 - toBackend, unit: 'share' });
  return readings;
}

function backendRows(previous: Timed<StatSnapshot> | undefined, current: Timed<StatSnapshot>): BackendRow[] {
  const before = new Map(previous?.snapshot.backends.map((one) => [`${one.vcl}.${one.name}`, one]));
  const vcl = current.snapshot.active;
  return current.snapshot.backends
    .filter((backend) => backend.vcl === vcl)
    .map((backend) => ({
      backend: backend.name,
      vcl: backend.vcl,
      healthy: isHealthy(before.get(`${backend.vcl}.${backend.name}`), backend),
      hasProbe: backend.hasProbe,
      connections: backend.counters['conn'] ?? 0,
      requests: backend.counters['req'] ?? 0,
    }));
}

function isHealthy(before: Backend | undefined, now: Backend): boolean {
  const refused = growth(before?.counters['unhealthy'], now.counters['unhealthy']) ?? 0;
  if (refused > 0) return false;
  return !now.hasProbe || (now.happy & NEWEST_PROBES) !== 0n;
}

export function measureLog(
  _previous: Timed<LogSnapshot> | undefined,
  current: Timed<LogSnapshot>,
  _place: Place,
): Measured<VarnishFacts> {
  const { windows } = current.snapshot;
  const recent = windows.filter((window) => Math.abs(current.at - window.at) < VISITORS_MS);
  const seconds = recent.reduce((sum, window) => sum + window.seconds, 0);
  const requests = recent.reduce((sum, window) => sum + window.requests, 0);
  const errors = recent.reduce((sum, window) => sum + window.errors, 0);
  const readings: Reading[] = [];
  if (seconds > 0) {
    readings.push(
      { metric: 'visitors.requests', value: requests / seconds, unit: '/s' },
      { metric: 'visitors.errors', value: errors / seconds, unit: '/s' },
    );
  }
  const errorShare = share(errors, requests);
  if (errorShare !== undefined)
    readings.push({ metric: 'visitors.error_share', value: errorShare, unit: 'share' });
  readings.push(...redirects(windows, recent, seconds));
  const durations = recent.flatMap((window) => window.durations).sort((a, b) => a - b);
  for (const [metric, rank] of [
    ['visitors.p50', 0.5],
    ['visitors.p95', 0.95],
  ] as const) {
    const value = durations[Math.min(durations.length - 1, Math.ceil(durations.length * rank) - 1)];
    if (value !== undefined) readings.push({ metric, value, unit: 's' });
  }
  return { readings, facts: { log: logFacts(windows) } };
}

/**
 * What permanent redirects cost the application now; the facts' minute would show a cure too late. Only URLs that
 * were asked for again within the minute count: a cold cache asks for each of them once.
 */
function redirects(all: readonly LogWindow[], recent: readonly LogWindow[], seconds: number): Reading[] {
  if (seconds <= 0) return [];
  const asked = new Map<string, number>();
  for (const row of all.flatMap((window) => window.urls))
    asked.set(urlId(row), (asked.get(urlId(row)) ?? 0) + row.permanents);
  const rows = recent.flatMap((window) => window.urls).filter((row) => (asked.get(urlId(row)) ?? 0) > 1);
  const count = rows.reduce((sum, row) => sum + row.permanents, 0);
  const time = rows.reduce((sum, row) => sum + row.permanentSeconds, 0);
  const total = (key: 'backendRequests' | 'backendSeconds') =>
    recent.reduce((sum, window) => sum + window[key], 0);
  return [
    {
      metric: 'varnish.redirects_time_share',
      value: share(time, total('backendSeconds')) ?? 0,
      unit: 'share',
    },
    {
      metric: 'varnish.redirects_request_share',
      value: share(count, total('backendRequests')) ?? 0,
      unit: 'share',
    },
    { metric: 'varnish.redirects_backend_requests', value: count / seconds, unit: '/s' },
  ];
}
