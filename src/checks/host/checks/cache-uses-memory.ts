import { z } from 'zod';
import { figure, lasted } from '../../../message/figures.ts';
import { defineCheck, type Evidence, type Verdict } from '../../contract.ts';
import { type Cache, type CacheKind, cachesOn } from '../caches.ts';
import { thin } from '../evidence.ts';
import type { HostFacts } from '../facts.ts';

const share = z.number().min(0).max(1);
const Usage = z.strictObject({
  warn: share
    .default(0.5)
    .describe('Share of the memory given; half of it idle while reads miss is a setting, not a lack.'),
  clear: share.default(0.6).describe('Share of the memory given; a little above, so that it does not flap.'),
  warmSeconds: z
    .number()
    .min(0)
    .default(600)
    .describe('Seconds after its start in which it is still filling: as long as a cache is called warming.'),
  smallestBytes: z
    .number()
    .min(0)
    .default(16 * 1024 * 1024)
    .describe('Bytes given; of less nobody expects a cache.'),
});
type Usage = z.infer<typeof Usage>;

export const cacheUsesMemory = defineCheck<HostFacts, Usage>({
  id: 'host.cache-uses-memory',
  question: 'Do Varnish, the cache and the database really use the memory they were given?',
  thresholds: Usage,
  needs: ['processes'],
  falseAlarm:
    'A small site fits into a part of what was given, and misses for another reason (every visitor is new, pages that are private): give it less, or raise nothing and silence it.',
  judge({ instances, target, stack, history, at, thresholds }) {
    return instances.flatMap((view): Verdict[] => {
      const caches = cachesOn(target, stack, history, view.facts.processes ?? [], at);
      if (caches.length === 0) {
        const any = stack.servicesOn(target).some((name) => isCache(stack.services.get(name)?.kind));
        return [
          any
            ? thin('What the caches here use is not known yet.')
            : { level: 'ok', summary: 'No cache or database of the config runs here.' },
        ];
      }
      const verdicts = caches.map((one) => judgeCache(one, thresholds, caches));
      const named = verdicts.filter((one) => one.level !== 'ok' || one.cleared === false);
      if (named.length > 0) return named;
      return [
        {
          level: 'ok',
          summary: `${caches.map(said).join('; ')}.`,
          evidence: [table(caches)],
        },
      ];
    });
  },
});

function judgeCache(cache: Cache, thresholds: Usage, all: readonly Cache[]): Verdict {
  const { service, usedBytes, givenBytes, uptimeSeconds, wanting } = cache;
  const value = Math.min(1, usedBytes / givenBytes);
  const filling = uptimeSeconds === undefined || uptimeSeconds < thresholds.warmSeconds;
  if (wanting === undefined || filling || givenBytes < thresholds.smallestBytes)
    return { level: 'ok', summary: `${said(cache)}.` };
  const level = value < thresholds.warn ? 'warn' : 'ok';
  return {
    subject: service,
    level,
    cleared: value >= thresholds.clear,
    summary: `${said(cache)} (limit ${figure(thresholds.warn, 'share')}), though it ${wanting}.`,
    value,
    unit: 'share',
    threshold: thresholds.warn,
    evidence: [table(all)],
    ...(level === 'ok' ? {} : { advice: ADVICE[cache.kind] }),
  };
}

const ADVICE: Readonly<Record<CacheKind, string>> = {
  varnish:
    'Memory is not what is missing: see which pages bypass the cache (varnish misses), and for how long the others may stay.',
  memcached:
    "Memory is not what is missing: see that the application's cache setting names these servers, and by prefix what misses (memcached prefixes).",
  postgres:
    'It was started not long ago, or reads more than it keeps: sequential scans use a small ring of buffers only. See pg tables for scans; pg_prewarm fills it.',
  mysql:
    'See that the tables are InnoDB (another engine does not use this pool), and innodb_buffer_pool_dump_at_shutdown, which fills it after a start.',
};

function said({ service, kind, usedBytes, givenBytes, uptimeSeconds }: Cache): string {
  const since = uptimeSeconds === undefined ? '' : ` after ${lasted(uptimeSeconds * 1000)}`;
  return `${service} (${kind}) uses ${figure(usedBytes, 'B')} of ${figure(givenBytes, 'B')}${since}, ${figure(Math.min(1, usedBytes / givenBytes), 'share')}`;
}

function table(caches: readonly Cache[]): Evidence {
  return {
    kind: 'table',
    title: 'Memory given and used',
    columns: [
      { name: 'service' },
      { name: 'kind' },
      { name: 'given', unit: 'B' },
      { name: 'used', unit: 'B' },
      { name: 'share', unit: 'share' },
      { name: 'runs for', unit: 's' },
      { name: 'wanting' },
    ],
    rows: caches.map((one) => [
      one.service,
      one.kind,
      one.givenBytes,
      one.usedBytes,
      Math.min(1, one.usedBytes / one.givenBytes),
      one.uptimeSeconds ?? null,
      one.wanting ?? '',
    ]),
  };
}

function isCache(kind: string | undefined): boolean {
  return kind === 'varnish' || kind === 'memcached' || kind === 'postgres' || kind === 'mysql';
}
