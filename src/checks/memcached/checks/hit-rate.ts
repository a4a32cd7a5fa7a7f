import { z } from 'zod';
import { figure, lasted } from '../../../message/figures.ts';
import { defineCheck } from '../../contract.ts';
import { grade } from '../../judging.ts';
import type { MemcachedFacts, MissReason, PrefixRow } from '../facts.ts';
import { type Input, type Instances, over, prefixTables, serverTable, thin } from './shared.ts';

const share = z.number().min(0).max(1);
const HitRate = z.strictObject({
  warn: share.default(0.9).describe('Share of reads; the rule of a launch: a hit rate in the nineties.'),
  critical: share
    .default(0.6)
    .describe('Share of reads; at 60 % four times as many reads go to the database as at 90 %.'),
  clear: share.default(0.92).describe('Share of reads; a little above the limit, so that it does not flap.'),
  minimumReads: z
    .number()
    .min(0)
    .default(300)
    .describe('Reads a minute, all servers together; a share of fewer says little.'),
  windowSeconds: z
    .number()
    .min(10)
    .max(600)
    .default(30)
    .describe('Seconds looked back: six rounds, so that one page that misses a lot says nothing.'),
  warmSeconds: z
    .number()
    .min(0)
    .default(600)
    .describe('Seconds after a start in which a hit rate that still rises is warming up and no fault.'),
});
type HitRate = z.infer<typeof HitRate>;

/** So much must the second half of the window be above the first to be called rising. */
const RISING = 0.02;

export const hitRate = defineCheck<MemcachedFacts, HitRate>({
  id: 'memcached.hit-rate',
  question: 'Is the hit rate in the nineties?',
  thresholds: HitRate,
  needs: ['stats'],
  falseAlarm:
    'Keys that are looked up to see that they are NOT there (locks, rate limits, "was this seen before") miss by design: the table by prefix shows them.',
  judge(input) {
    const { instances, thresholds } = input;
    const gets = over(input, 'memcached.gets', thresholds.windowSeconds);
    const hits = over(input, 'memcached.hits', thresholds.windowSeconds);
    if (gets === undefined || hits === undefined) return [thin('Two rounds are needed for a hit rate.')];
    if (gets * 60 < thresholds.minimumReads)
      return [thin(`Only ${figure(gets * 60, 'count')} reads a minute.`)];
    const value = Math.min(1, hits / gets);
    const { level, cleared, threshold } = grade(value, thresholds, 'below');
    const figures = { value, unit: 'share', threshold } as const;
    const evidence = [...prefixTables(instances, 6), serverTable(instances)];
    const said = `${figure(value, 'share')} of ${figure(gets, '/s')} reads are hits (limit ${figure(threshold, 'share')})`;
    const uptime = Math.min(...instances.map((one) => one.facts.server?.uptimeSeconds ?? 0));
    if (level !== 'ok' && uptime < thresholds.warmSeconds && rising(input))
      return [
        {
          ...figures,
          level: 'ok',
          cleared: false,
          summary: `${said}, and rising since a start ${lasted(uptime * 1000)} ago: it is warming.`,
          evidence,
        },
      ];
    const worst = worstPrefix(instances);
    const why = worst
      ? `; most misses are "${worst.row.prefix}" on ${worst.instance}: ${figure(worst.row.hitShare, 'share')} of ${figure(worst.row.readsPerSecond, '/s')}, ${worst.row.why}`
      : '';
    return [
      {
        ...figures,
        level,
        cleared,
        summary: `${said}${level === 'ok' ? '' : why}.`,
        evidence,
        ...(level === 'ok'
          ? {}
          : {
              advice: adviceFor(
                worst?.row.why,
                over(input, 'memcached.evictions', thresholds.windowSeconds) ?? 0,
              ),
            }),
      },
    ];
  },
});

function rising(input: Input<HitRate>): boolean {
  const { history, target, thresholds } = input;
  const halves = ['memcached.hits', 'memcached.gets'].map((metric) => {
    const points = history.series({ metric, target, windowMs: thresholds.windowSeconds * 1000 });
    const half = Math.floor(points.length / 2);
    const sum = (part: typeof points) => part.reduce((total, point) => total + point.value, 0);
    return [sum(points.slice(0, half)), sum(points.slice(half))] as const;
  });
  const [hits, gets] = halves as [(typeof halves)[0], (typeof halves)[0]];
  return gets[0] > 0 && gets[1] > 0 && hits[1] / gets[1] > hits[0] / gets[0] + RISING;
}

function worstPrefix(instances: Instances): { row: PrefixRow; instance: string } | undefined {
  return instances
    .flatMap((one) => (one.facts.fetches?.prefixes ?? []).map((row) => ({ row, instance: one.instance })))
    .filter(({ row }) => row.why !== undefined)
    .sort((a, b) => b.row.missesPerSecond - a.row.missesPerSecond)[0];
}

function adviceFor(why: MissReason | undefined, evictions: number): string {
  switch (why) {
    case 'evicted':
      return 'These keys are thrown out before they are read again: more memory for memcached, or smaller items.';
    case 'never set':
      return 'The application asks for these keys and does not store them: see the code that should, or whether its writes fail.';
    case 'expired':
      return 'These keys are too old when they are asked for: a longer time to live.';
    case 'other keys each time':
      return 'These keys are stored and hardly asked for twice: what is in them (a time, a session, a page number) should not be.';
    default:
      return evictions > 0
        ? 'It throws items out: see memcached.evictions for the sizes.'
        : 'Nothing is thrown out, so the application asks for what it does not store, or for other keys each time.';
  }
}
