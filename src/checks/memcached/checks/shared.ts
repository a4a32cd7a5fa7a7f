import type { Evidence, InstanceView, JudgeInput, Verdict } from '../../contract.ts';
import { mean } from '../../rate.ts';
import type { MemcachedFacts } from '../facts.ts';

export type Instances = readonly InstanceView<MemcachedFacts>[];
export type Input<T> = JudgeInput<MemcachedFacts, T>;

export function thin(summary: string): Verdict {
  return { level: 'ok', basis: 'thin', summary };
}

/** Mean over the window of one server, or of all summed; the newest figures alone while there is no history yet. */
export function over<T>(
  { history, target, instances }: Input<T>,
  metric: string,
  seconds: number,
  instance?: string,
): number | undefined {
  const query = { metric, target, windowMs: seconds * 1000 };
  const past = mean(history.series(instance === undefined ? query : { ...query, instance }));
  if (past !== undefined) return past;
  const chosen = instance === undefined ? instances : instances.filter((one) => one.instance === instance);
  const now = chosen.flatMap((one) => one.value(metric) ?? []);
  return now.length > 0 ? now.reduce((total, value) => total + value, 0) : undefined;
}

/** What memcache-top shows, a line a server. */
export function serverTable(instances: Instances): Evidence {
  return {
    kind: 'table',
    title: 'Servers',
    columns: [
      { name: 'server' },
      { name: 'hits', unit: 'share' },
      { name: 'conns' },
      { name: 'op', unit: 'ms' },
      { name: 'evicted', unit: '/s' },
      { name: 'gets', unit: '/s' },
      { name: 'sets', unit: '/s' },
      { name: 'read', unit: 'B/s' },
      { name: 'written', unit: 'B/s' },
      { name: 'used', unit: 'B' },
      { name: 'given', unit: 'B' },
    ],
    rows: instances.map((one) => {
      const value = (metric: string) => one.value(`memcached.${metric}`) ?? null;
      return [
        one.instance,
        value('hit_share'),
        value('connections'),
        value('operation_ms'),
        value('evictions'),
        value('gets'),
        value('sets'),
        value('read'),
        value('written'),
        value('memory_used'),
        value('memory_given'),
      ];
    }),
  };
}

/** Slab classes of one server, most evictions first. */
export function classTable(one: InstanceView<MemcachedFacts>, most: number): Evidence[] {
  const rows = (one.facts.classes ?? []).slice(0, most);
  if (rows.length === 0) return [];
  return [
    {
      kind: 'table',
      title: `Items by size on ${one.instance}`,
      columns: [
        { name: 'class' },
        { name: 'up to', unit: 'B' },
        { name: 'items' },
        { name: 'holds', unit: 'B' },
        { name: 'pages' },
        { name: 'evicted', unit: '/s' },
        { name: 'never read', unit: '/s' },
        { name: 'last used before', unit: 's' },
        { name: 'oldest', unit: 's' },
      ],
      rows: rows.map((row) => [
        String(row.id),
        row.chunkBytes,
        row.items,
        row.bytes,
        row.pages,
        row.evictionsPerSecond ?? null,
        row.unfetchedPerSecond ?? null,
        row.evictedAgeSeconds,
        row.ageSeconds,
      ]),
    },
  ];
}

/** Reads by what their keys begin with, worst first; or why they are not known. */
export function prefixTables(instances: Instances, most: number): Evidence[] {
  return instances.flatMap((one): Evidence[] => {
    const fetches = one.facts.fetches;
    if (!fetches) return [];
    if (fetches.problem !== undefined) return [{ kind: 'note', text: `${one.instance}: ${fetches.problem}` }];
    if (fetches.prefixes.length === 0) return [];
    return [
      {
        kind: 'table',
        title: `Reads by key prefix on ${one.instance} (${Math.round(fetches.seconds)} s seen)`,
        columns: [
          { name: 'prefix' },
          { name: 'reads', unit: '/s' },
          { name: 'hits', unit: 'share' },
          { name: 'misses', unit: '/s' },
          { name: 'sets', unit: '/s' },
          { name: 'evicted', unit: '/s' },
          { name: 'why it misses' },
        ],
        rows: fetches.prefixes
          .slice(0, most)
          .map((row) => [
            row.prefix,
            row.readsPerSecond,
            row.hitShare,
            row.missesPerSecond,
            row.setsPerSecond,
            row.evictionsPerSecond,
            row.why ?? '',
          ]),
      },
    ];
  });
}
