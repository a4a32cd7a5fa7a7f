import { z } from 'zod';
import { figure } from '../../../message/figures.ts';
import { defineCheck, type Evidence } from '../../contract.ts';
import { grade } from '../../judging.ts';
import { mean } from '../../rate.ts';
import type { HaproxyFacts } from '../facts.ts';
import { type Instances, serverTable, sum } from './shared.ts';

const Errors = z.object({
  warn: z
    .number()
    .min(0)
    .max(1)
    .default(0.02)
    .describe('Share of requests; stock alerts of web servers begin at 2 %.'),
  critical: z
    .number()
    .min(0)
    .max(1)
    .default(0.05)
    .describe('Share of requests; stock alerts call 5 % critical.'),
  clear: z.number().min(0).max(1).default(0.01).describe('Share of requests; where stock alerts end.'),
  minimumRequests: z
    .number()
    .min(0)
    .default(120)
    .describe('Requests a minute; a share of fewer says little.'),
  windowSeconds: z.number().min(10).max(600).default(15).describe('Seconds looked back: three rounds.'),
});

export const errors = defineCheck<HaproxyFacts, z.infer<typeof Errors>>({
  id: 'haproxy.errors',
  question: 'Do 5xx answers rise?',
  thresholds: Errors,
  needs: ['stats'],
  falseAlarm: 'Health checks of another proxy that are answered with 503 on purpose.',
  judge({ instances, history, target, thresholds }) {
    const over = (metric: string) => {
      const past = mean(history.series({ metric, target, windowMs: thresholds.windowSeconds * 1000 }));
      return past ?? sum(instances, metric);
    };
    const requests = over('haproxy.requests');
    if (requests === undefined || requests * 60 < thresholds.minimumRequests)
      return [
        {
          level: 'ok',
          basis: 'thin',
          summary: `Only ${figure((requests ?? 0) * 60, 'count')} requests a minute.`,
        },
      ];
    const failed = over('haproxy.errors_5xx') ?? 0;
    const retries = over('haproxy.retries') ?? 0;
    const value = Math.min(1, failed / requests);
    const { level, cleared, threshold } = grade(value, thresholds, 'above');
    return [
      {
        level,
        cleared,
        summary: `${figure(value, 'share')} of answers are 5xx (limit ${figure(threshold, 'share')}), ${figure(failed, '/s')}; ${figure(retries, '/s')} connections are tried again.`,
        value,
        unit: 'share',
        threshold,
        evidence: [failures(instances), serverTable(instances)],
        ...(level === 'ok'
          ? {}
          : {
              advice:
                'With servers down or requests waiting, capacity is missing. With neither, the application itself fails: see its log.',
            }),
      },
    ];
  },
});

/** How requests failed: no connection, an answer that broke off, tried again, sent to another server. */
function failures(instances: Instances): Evidence {
  const rows = [
    ['failed connects', 'haproxy.failed_connects'],
    ['answers broken off', 'haproxy.failed_answers'],
    ['tried again', 'haproxy.retries'],
    ['sent to another server', 'haproxy.redispatches'],
  ] as const;
  return {
    kind: 'figures',
    rows: rows.flatMap(([name, metric]) => {
      const value = sum(instances, metric);
      return value === undefined ? [] : [{ name, value, unit: '/s' as const }];
    }),
  };
}
