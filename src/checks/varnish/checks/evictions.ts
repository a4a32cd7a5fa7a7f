import { z } from 'zod';
import { figure } from '../../../message/figures.ts';
import { defineCheck, type Evidence, type InstanceView } from '../../contract.ts';
import { grade } from '../../judging.ts';
import type { StorageRow, VarnishFacts } from '../facts.ts';
import { minimumRequests, over, thin, windowSeconds } from './shared.ts';

const Evictions = z.object({
  warn: z
    .number()
    .min(0)
    .default(0.05)
    .describe(
      'Pages thrown out for each page served from the cache; one in twenty will be missed by somebody.',
    ),
  critical: z
    .number()
    .min(0)
    .default(0.5)
    .describe('Pages thrown out for each hit; the cache forgets half as fast as it serves.'),
  clear: z.number().min(0).default(0.02).describe('Pages thrown out for each hit; under half of the limit.'),
  fullShare: z
    .number()
    .min(0)
    .max(1)
    .default(0.8)
    .describe('Share of the storage that must be used; an emptier one throws out for another reason.'),
  minimumRequests,
  windowSeconds,
});

export const evictions = defineCheck<VarnishFacts, z.infer<typeof Evictions>>({
  id: 'varnish.evictions',
  question: 'Does the cache throw out what is still wanted?',
  thresholds: Evictions,
  needs: ['stat'],
  falseAlarm:
    'A crawler that asks for each page once fills any cache; what it pushes out may be wanted by nobody.',
  judge(input) {
    const { thresholds, instances } = input;
    const rate = (metric: string) => over(input, metric, thresholds.windowSeconds);
    const requests = rate('varnish.requests');
    const nuked = rate('varnish.lru_nuked');
    if (requests === undefined || nuked === undefined)
      return [thin('Two rounds are needed for a rate of evictions.')];
    if (requests * 60 < thresholds.minimumRequests)
      return [thin(`Only ${figure(requests * 60, 'count')} requests a minute.`)];
    const hits = rate('varnish.hits') ?? 0;
    const noRoom = rate('varnish.lru_limited') ?? 0;
    const full = fullest(instances);
    const room =
      full === undefined
        ? 'its storage has no limit'
        : `${figure(full.usedBytes, 'B')} of ${figure(full.sizeBytes, 'B')} are used`;
    // Without a hit each eviction is as bad as can be; never above one for each request.
    const value = nuked === 0 ? 0 : Math.min(nuked / Math.max(hits, nuked / 10), 10);
    const judged = grade(value, thresholds, 'above');
    const isFull = full !== undefined && full.usedBytes / Math.max(1, full.sizeBytes) >= thresholds.fullShare;
    const level = judged.level !== 'ok' && !isFull && noRoom === 0 ? 'warn' : judged.level;
    const summary =
      nuked === 0
        ? `Nothing is thrown out of the cache; ${room}.`
        : `${figure(nuked, '/s')} pages are thrown out of the cache, ${figure(value, 'count')} for each hit (limit ${figure(judged.threshold, 'count')}); ${room}.`;
    return [
      {
        ...judged,
        level,
        summary,
        value,
        unit: 'count',
        ...(level === 'ok'
          ? {}
          : { evidence: evidence(instances, nuked, hits), advice: advice(instances, full) }),
      },
    ];
  },
});

interface Sized extends StorageRow {
  readonly sizeBytes: number;
}

function sized(instances: readonly InstanceView<VarnishFacts>[]): Sized[] {
  return instances
    .flatMap((one) => one.facts.storages ?? [])
    .filter((row): row is Sized => row.sizeBytes !== null && row.sizeBytes > 0);
}

function fullest(instances: readonly InstanceView<VarnishFacts>[]): Sized | undefined {
  return sized(instances).sort((a, b) => b.usedBytes / b.sizeBytes - a.usedBytes / a.sizeBytes)[0];
}

function evidence(instances: readonly InstanceView<VarnishFacts>[], nuked: number, hits: number): Evidence[] {
  return [
    {
      kind: 'figures',
      rows: [
        { name: 'thrown out', value: nuked, unit: '/s' },
        { name: 'hits', value: hits, unit: '/s' },
        ...instances.flatMap((one) => {
          const objects = one.value('varnish.objects');
          const used = one.value('varnish.memory_used');
          return objects === undefined || used === undefined || objects === 0
            ? []
            : [
                { name: `pages kept on ${one.instance}`, value: objects, unit: 'count' as const },
                { name: `mean size on ${one.instance}`, value: used / objects, unit: 'B' as const },
              ];
        }),
      ],
    },
    {
      kind: 'table',
      title: 'Storages',
      columns: [
        { name: 'server' },
        { name: 'storage' },
        { name: 'used', unit: 'B' },
        { name: 'size', unit: 'B' },
        { name: 'written', unit: 'B/s' },
        { name: 'found no room' },
      ],
      rows: instances.flatMap((one) =>
        (one.facts.storages ?? []).map((row) => [
          one.instance,
          row.name,
          row.usedBytes,
          row.sizeBytes,
          row.writtenPerSecond,
          row.failed,
        ]),
      ),
    },
  ];
}

function advice(instances: readonly InstanceView<VarnishFacts>[], full: Sized | undefined): string {
  const written = Math.max(0, ...sized(instances).map((row) => row.writtenPerSecond ?? 0));
  const stays =
    full !== undefined && written > 0
      ? `At this pace a page stays for about ${figure(full.sizeBytes / written, 's')} at most. `
      : '';
  return `${stays}Give the cache more memory where the host has it (-s malloc,SIZE in the unit; it needs a restart, which empties the cache), or keep what is big and rarely asked for out of it.`;
}
