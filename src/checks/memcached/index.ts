import { figure } from '../../message/figures.ts';
import { type Collector, defineSystem } from '../contract.ts';
import { balance, evictions, hitRate, latency } from './checks.ts';
import {
  collectItems,
  collectLatency,
  collectStats,
  type ItemsSnapshot,
  type LatencySnapshot,
  type StatsSnapshot,
} from './collect.ts';
import type { MemcachedFacts } from './facts.ts';
import { collectFetches, type FetchesSnapshot } from './fetches.ts';
import { measureItems, measureLatency, measureStats } from './measure.ts';
import { measureFetches } from './measure-fetches.ts';
import { views } from './views.ts';

export type { MemcachedFacts } from './facts.ts';

const stats: Collector<StatsSnapshot, MemcachedFacts> = {
  id: 'stats',
  everySeconds: 5,
  collect: collectStats,
  measure: measureStats,
};
const latencies: Collector<LatencySnapshot, MemcachedFacts> = {
  id: 'latency',
  everySeconds: 10,
  timeoutMs: 6000,
  collect: (context) => collectLatency(context),
  measure: measureLatency,
};
const items: Collector<ItemsSnapshot, MemcachedFacts> = {
  id: 'items',
  everySeconds: 15,
  collect: collectItems,
  measure: measureItems,
};
const fetches: Collector<FetchesSnapshot, MemcachedFacts> = {
  id: 'fetches',
  everySeconds: 30,
  timeoutMs: 6000,
  collect: collectFetches,
  measure: measureFetches,
};

/** memcached: each server of a service is an instance. */
export const memcached = defineSystem<MemcachedFacts>({
  id: 'memcached',
  watches: 'memcached',
  collectors: [stats, latencies, items, fetches],
  checks: [hitRate, evictions, balance, latency],
  views,
  figures(instances) {
    const sum = (metric: string) => instances.reduce((total, one) => total + (one.value(metric) ?? 0), 0);
    const gets = sum('memcached.gets');
    const slowest = Math.max(0, ...instances.map((one) => one.value('memcached.operation_ms') ?? 0));
    const hits = gets > 0 ? `${figure(sum('memcached.hits') / gets, 'share')} hits` : 'no reads';
    return `${hits}, ${figure(slowest, 'ms')}`;
  },
});
