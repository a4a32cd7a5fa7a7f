import { z } from 'zod';
import { figure } from '../../../message/figures.ts';
import { defineCheck } from '../../contract.ts';
import { grade } from '../../judging.ts';
import type { VarnishFacts } from '../facts.ts';
import { minimumRequests, missTable, over, thin, urls, windowSeconds } from './shared.ts';
import { warmingOf } from './warming.ts';

const HitRate = z.object({
  warn: z
    .number()
    .min(0)
    .max(1)
    .default(0.8)
    .describe('Share of all requests; a launch is planned with 0.8.'),
  critical: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe('Share; the application gets 2.5 times what 0.8 lets through.'),
  clear: z
    .number()
    .min(0)
    .max(1)
    .default(0.82)
    .describe('Share; a little above the limit, so that it does not flap.'),
  warmingSeconds: z
    .number()
    .min(0)
    .default(600)
    .describe(
      'Seconds after a start, a ban or a mark in which the cache may still fill: judged by its slope.',
    ),
  minimumRequests,
  windowSeconds,
});
type HitRate = z.infer<typeof HitRate>;

export const hitRate = defineCheck<VarnishFacts, HitRate>({
  id: 'varnish.hit-rate',
  question: 'Is the true hit rate (passes counted) acceptable?',
  thresholds: HitRate,
  needs: ['stat'],
  falseAlarm:
    'A shop in which most visitors are logged in cannot reach it. A synthetic redirect lowers it though it helps: the offload share beside it shows that.',
  judge(input) {
    const { thresholds } = input;
    const requests = over(input, 'varnish.requests', thresholds.windowSeconds);
    const hits = over(input, 'varnish.hits', thresholds.windowSeconds);
    if (requests === undefined || hits === undefined) return [thin('Two rounds are needed for a hit rate.')];
    if (requests * 60 < thresholds.minimumRequests)
      return [thin(`Only ${figure(requests * 60, 'count')} requests a minute.`)];
    const value = Math.min(1, hits / requests);
    const part = (metric: string) => (over(input, metric, thresholds.windowSeconds) ?? 0) / requests;
    const offload = Math.max(0, 1 - part('varnish.misses') - part('varnish.passes') - part('varnish.pipes'));
    const { level, cleared, threshold } = grade(value, thresholds, 'below');
    const figures = `${figure(value, 'share')} true hits (limit ${figure(threshold, 'share')}), ${figure(offload, 'share')} kept from the application`;
    if (level === 'ok') return [{ level, cleared, summary: `${figures}.`, value, unit: 'share', threshold }];
    const warming = warmingOf(input, thresholds.warmingSeconds * 1000);
    if (warming && warming.perMinute === undefined)
      return [thin(`${figures}; the cache is empty since ${warming.what}.`)];
    if (warming?.rising) {
      const minutes = Math.max(1, Math.ceil((threshold - value) / (warming.perMinute ?? 1)));
      return [
        {
          level: 'ok',
          cleared: false,
          summary: `${figures}; warming after ${warming.what}, about ${minutes} min left.`,
          value,
          unit: 'share',
          threshold,
          evidence: [
            {
              kind: 'figures',
              rows: [
                { name: 'true hits', value, unit: 'share', limit: threshold },
                { name: 'gained a minute', value: warming.perMinute ?? 0, unit: 'share' },
                { name: 'warming since', value: (input.at - warming.at) / 1000, unit: 's' },
                { name: 'left, about', value: minutes * 60, unit: 's' },
              ],
            },
          ],
        },
      ];
    }
    const rows = urls(input.instances).filter((row) => row.backendRequests > 0);
    return [
      {
        level,
        cleared,
        summary: `${figures}${warming === undefined ? '' : `; not rising after ${warming.what}`}.`,
        value,
        unit: 'share',
        threshold,
        evidence: [
          {
            kind: 'figures',
            rows: [
              { name: 'true hits', value, unit: 'share', limit: threshold },
              { name: 'misses', value: part('varnish.misses'), unit: 'share' },
              { name: 'passes', value: part('varnish.passes'), unit: 'share' },
              { name: 'pipes', value: part('varnish.pipes'), unit: 'share' },
              { name: 'synthetic', value: part('varnish.synths'), unit: 'share' },
              { name: 'kept from the application', value: offload, unit: 'share' },
            ],
          },
          ...missTable(rows, 'What reaches the application', rows),
        ],
        advice:
          'The reason column names what keeps each URL out of the cache; the first rows are worth a rule.',
      },
    ];
  },
});
