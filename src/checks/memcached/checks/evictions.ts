import { z } from 'zod';
import { figure, lasted } from '../../../message/figures.ts';
import { defineCheck, type InstanceView, type Verdict } from '../../contract.ts';
import { grade } from '../../judging.ts';
import type { ClassRow, MemcachedFacts } from '../facts.ts';
import { classTable, serverTable, thin } from './shared.ts';

const Evictions = z.strictObject({
  warn: z
    .number()
    .min(0)
    .default(600)
    .describe(
      'Seconds since the evicted item had been used; what was read within 10 minutes would have been read again.',
    ),
  critical: z
    .number()
    .min(0)
    .default(60)
    .describe('Seconds since the evicted item had been used; nothing stays for a minute: it hardly caches.'),
  clear: z
    .number()
    .min(0)
    .default(900)
    .describe('Seconds since the evicted item had been used; half as much again as the limit.'),
  minimumEvictions: z
    .number()
    .min(0)
    .default(0.2)
    .describe('Evictions a second; a few a minute are what any full cache does.'),
});
type Evictions = z.infer<typeof Evictions>;

export const evictions = defineCheck<MemcachedFacts, Evictions>({
  id: 'memcached.evictions',
  question: 'Does it evict what was still wanted?',
  thresholds: Evictions,
  needs: ['items', 'stats'],
  falseAlarm:
    'An import that stores each item once fills the cache and drives out its own items: they were not wanted. Most of what is evicted was then never read.',
  judge({ instances, thresholds }) {
    const measured = instances.filter((one) =>
      (one.facts.classes ?? []).every((row) => row.evictionsPerSecond !== undefined),
    );
    if (measured.length === 0) return [thin('Two rounds are needed to see items go.')];
    const verdicts = measured.map((one) => judgeServer(one, thresholds));
    const bad = verdicts.filter((one) => one.level !== 'ok' || one.cleared === false);
    if (bad.length > 0) return bad;
    const given = measured.reduce((sum, one) => sum + (one.value('memcached.memory_given') ?? 0), 0);
    const used = measured.reduce((sum, one) => sum + (one.value('memcached.memory_used') ?? 0), 0);
    const total = measured.reduce((sum, one) => sum + rateOf(one.facts.classes ?? []), 0);
    return [
      {
        level: 'ok',
        summary: `${total === 0 ? 'Nothing is evicted' : `${figure(total, '/s')} items are evicted, long unused`}; ${figure(used, 'B')} of ${figure(given, 'B')} are in use.`,
        value: total,
        unit: '/s',
        threshold: thresholds.minimumEvictions,
        evidence: [serverTable(instances)],
      },
    ];
  },
});

function judgeServer(one: InstanceView<MemcachedFacts>, thresholds: Evictions): Verdict {
  const classes = one.facts.classes ?? [];
  const refused = classes.filter((row) => (row.outOfMemoryPerSecond ?? 0) > 0);
  const evidence = [...classTable(one, 6), serverTable([one])];
  if (refused.length > 0)
    return {
      subject: one.instance,
      level: 'critical',
      cleared: false,
      summary: `${one.instance} refuses ${figure(sum(refused, 'outOfMemoryPerSecond'), '/s')} stores for want of memory.`,
      evidence,
      advice:
        'It may evict nothing of that size (-M, or a class without a page): more memory, or start it anew so that its pages fit the sizes of today.',
    };
  const evicting = classes.filter((row) => (row.evictionsPerSecond ?? 0) > 0);
  const rate = rateOf(evicting);
  const youngest = [...evicting].sort((a, b) => a.evictedAgeSeconds - b.evictedAgeSeconds)[0];
  if (!youngest || rate < thresholds.minimumEvictions) return { level: 'ok', summary: '' };
  const { level, cleared, threshold } = grade(youngest.evictedAgeSeconds, thresholds, 'below');
  if (level === 'ok' && cleared) return { level, summary: '' };
  const unread = sum(evicting, 'unfetchedPerSecond');
  return {
    subject: one.instance,
    level,
    cleared,
    summary: `${one.instance} evicts ${figure(rate, '/s')} items, the last one used ${lasted(youngest.evictedAgeSeconds * 1000)} before (limit ${lasted(threshold * 1000)}); ${figure(Math.min(1, unread / rate), 'share')} of them were never read.`,
    value: youngest.evictedAgeSeconds,
    unit: 's',
    threshold,
    evidence,
    ...(level === 'ok' ? {} : { advice: adviceFor(one, youngest, unread / rate) }),
  };
}

/** Which of the three it is: too small, pages held by other sizes, or filled with what nobody reads. */
function adviceFor(one: InstanceView<MemcachedFacts>, youngest: ClassRow, unreadShare: number): string {
  const given = one.value('memcached.memory_given') ?? 0;
  const used = one.value('memcached.memory_used') ?? 0;
  // Thrown out before anybody could read it again is no sign that nobody would have: then reads miss.
  const missing = (one.value('memcached.hit_share') ?? 0) < HITS_WELL;
  if (unreadShare > 0.8 && !missing)
    return 'Nearly all of it is stored and never read: do not store it, or give it a short time to live.';
  if (given > 0 && used < given / 2)
    return `Only ${figure(used / given, 'share')} of its memory is in use, but items of up to ${figure(youngest.chunkBytes, 'B')} find none: other sizes hold the pages. slab_automove moves them (-o slab_automove=1), a restart does it at once.`;
  return `More memory for it (memcached -m; at run time: cache_memlimit), if its host has it; else another server or smaller items. The sizes that go are in the table.`;
}

const HITS_WELL = 0.9;

function rateOf(classes: readonly ClassRow[]): number {
  return sum(classes, 'evictionsPerSecond');
}

function sum(
  classes: readonly ClassRow[],
  key: 'evictionsPerSecond' | 'unfetchedPerSecond' | 'outOfMemoryPerSecond',
): number {
  return classes.reduce((total, row) => total + (row[key] ?? 0), 0);
}
