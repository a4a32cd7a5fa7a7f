import { z } from 'zod';
import { figure } from '../../../message/figures.ts';
import { defineCheck, type Evidence, type Figure, type InstanceView, type Verdict } from '../../contract.ts';
import { grade } from '../../judging.ts';
import type { MemcachedFacts } from '../facts.ts';
import { type Input, serverTable } from './shared.ts';

const Latency = z.strictObject({
  warn: z
    .number()
    .positive()
    .default(2)
    .describe('Milliseconds; the rule of a launch: a page asks a cache dozens of times.'),
  critical: z
    .number()
    .positive()
    .default(20)
    .describe('Milliseconds; asking the database would be as quick: the cache costs more than it saves.'),
  clear: z
    .number()
    .positive()
    .default(1.5)
    .describe('Milliseconds; a quarter under the limit, so that it does not flap.'),
  connections: z
    .number()
    .min(0)
    .max(1)
    .default(0.9)
    .describe('Share of the connections that it may have; the rest goes within one burst of workers.'),
});
type Latency = z.infer<typeof Latency>;

export const latency = defineCheck<MemcachedFacts, Latency>({
  id: 'memcached.latency',
  question: 'Is an operation under 2 ms?',
  thresholds: Latency,
  needs: ['latency', 'stats'],
  falseAlarm:
    "The figure is memcached's own part: what the way costs is measured beside it and taken off. When this machine itself is out of breath, both swing; a single high sample is no finding.",
  judge(input) {
    const verdicts = input.instances.map((one) => judgeServer(one, input));
    const bad = verdicts.filter((one) => one.level !== 'ok' || one.cleared === false);
    if (bad.length > 0) return bad;
    const slowest = [...verdicts].sort((a, b) => (b.value ?? 0) - (a.value ?? 0))[0];
    if (!slowest) return [];
    const { subject: _, ...all } = slowest;
    return [{ ...all, evidence: [serverTable(input.instances)] }];
  },
});

function judgeServer(one: InstanceView<MemcachedFacts>, input: Input<Latency>): Verdict {
  const { thresholds } = input;
  const value = one.value('memcached.operation_ms') ?? 0;
  const { level, cleared, threshold } = grade(value, thresholds, 'above');
  const held = one.value('memcached.connections') ?? 0;
  const most = one.value('memcached.connection_limit') ?? 0;
  const refusing = (one.value('memcached.listen_disabled') ?? 0) + (one.value('memcached.rejected') ?? 0) > 0;
  const full = most > 0 && held / most > thresholds.connections;
  const worst = refusing ? 'critical' : full && level === 'ok' ? 'warn' : level;
  const bound = one.facts.latency?.upperBound ? 'at most ' : '';
  const conns =
    refusing || full
      ? ` It ${refusing ? 'takes no new connections' : 'is nearly out of connections'}: ${figure(held, 'count')} of ${figure(most, 'count')} (limit ${figure(thresholds.connections, 'share')}).`
      : '';
  const host = hostOf(one, input);
  return {
    subject: one.instance,
    level: worst,
    cleared: cleared && !full && !refusing,
    summary: `An operation on ${one.instance} takes ${bound}${figure(value, 'ms')} (limit ${figure(threshold, 'ms')}).${conns}`,
    value,
    unit: 'ms',
    threshold,
    evidence: [figures(one, threshold, host), serverTable([one])],
    ...(worst === 'ok' ? {} : { advice: adviceFor(level !== 'ok', host) }),
  };
}

interface HostFigures {
  readonly rows: readonly Figure[];
  readonly swapping: boolean;
  readonly full: boolean;
}

/** What the host that it runs on says at the same time: swapping and a full CPU make any cache slow. */
function hostOf(one: InstanceView<MemcachedFacts>, { history }: Input<Latency>): HostFigures {
  const value = (metric: string) => history.latest({ metric, target: one.instance })?.value;
  const rows: Figure[] = [];
  const add = (name: string, metric: string, unit: Figure['unit'], limit?: number) => {
    const found = value(metric);
    if (found !== undefined)
      rows.push({ name, value: found, unit, ...(limit === undefined ? {} : { limit }) });
  };
  const cores = value('host.cores');
  add('pages swapped on its host', 'host.swap_moving', 'pages/s');
  add('CPU in use on its host', 'host.cpu_busy', 'cores', cores);
  add('throttled by its quota', 'host.throttled_share', 'share');
  return {
    rows,
    swapping: (value('host.swap_moving') ?? 0) > 25,
    full:
      (value('host.throttled_share') ?? 0) > 0.2 ||
      (cores !== undefined && (value('host.cpu_busy') ?? 0) > cores * 0.9),
  };
}

function figures(one: InstanceView<MemcachedFacts>, threshold: number, host: HostFigures): Evidence {
  const row = (name: string, metric: string, unit: Figure['unit'], limit?: number): Figure[] => {
    const value = one.value(metric);
    return value === undefined ? [] : [{ name, value, unit, ...(limit === undefined ? {} : { limit }) }];
  };
  const way = one.facts.latency?.tunnelled ? 'the way there (SSH tunnel)' : 'the way there (TCP connect)';
  return {
    kind: 'figures',
    rows: [
      ...row('operation', 'memcached.operation_ms', 'ms', threshold),
      ...row('round trip', 'memcached.round_trip_ms', 'ms'),
      ...row(way, 'memcached.way_ms', 'ms'),
      ...row('connections', 'memcached.connections', 'count', one.value('memcached.connection_limit')),
      ...row('new connections', 'memcached.new_connections', '/s'),
      ...row('refused connections', 'memcached.rejected', '/s'),
      ...row('times it stopped listening', 'memcached.listen_disabled', '/s'),
      ...row('connections made to wait for others', 'memcached.yields', '/s'),
      ...host.rows,
    ],
  };
}

function adviceFor(slow: boolean, host: HostFigures): string {
  if (!slow)
    return 'See who holds the connections (ss -tn there): workers that open one a request, or never give one back. memcached -c raises the limit.';
  if (host.swapping)
    return 'Its host is swapping: memory that is on disk is no cache. Less memory for it (-m), or more for the host.';
  if (host.full) return 'The CPU of its host is full: see who takes it; memcached itself needs little.';
  return 'Look for swapping and a full CPU on its host, for huge items (memcached items), and for one connection that asks for thousands of keys at once (yields).';
}
