import { z } from 'zod';
import { figure } from '../../../message/figures.ts';
import { defineCheck, type Evidence } from '../../contract.ts';
import { grade } from '../../judging.ts';
import type { VarnishFacts } from '../facts.ts';
import { minimumRequests, over, thin, urls, windowSeconds } from './shared.ts';

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
  minimumRequests,
  windowSeconds: windowSeconds.default(15),
});

export const errors = defineCheck<VarnishFacts, z.infer<typeof Errors>>({
  id: 'varnish.errors',
  question: 'Does Varnish throw errors?',
  thresholds: Errors,
  needs: ['log'],
  falseAlarm: 'A page that answers 503 on purpose (maintenance) counts as well.',
  judge(input) {
    const { thresholds, instances } = input;
    const requests = over(input, 'visitors.requests', thresholds.windowSeconds);
    const failed = over(input, 'visitors.errors', thresholds.windowSeconds);
    if (requests === undefined || failed === undefined || requests * 60 < thresholds.minimumRequests)
      return [thin(`Only ${figure((requests ?? 0) * 60, 'count')} requests a minute.`)];
    const fetches = over(input, 'varnish.fetch_failed', thresholds.windowSeconds) ?? 0;
    const value = Math.min(1, failed / requests);
    const { level, cleared, threshold } = grade(value, thresholds, 'above');
    return [
      {
        level,
        cleared,
        summary: `${figure(value, 'share')} of answers are 5xx (limit ${figure(threshold, 'share')}), ${figure(failed, '/s')}; ${fetches > 0 ? `${figure(fetches, '/s')} fetches from the backend fail` : 'no fetch from the backend failed'}.`,
        value,
        unit: 'share',
        threshold,
        ...(level === 'ok'
          ? {}
          : {
              evidence: errorTable(instances),
              advice:
                fetches > 0
                  ? 'The backend does not answer in time or at all: look at the balancer and the application.'
                  : 'The application itself answers with errors: its log has the reason.',
            }),
      },
    ];
  },
});

function errorTable(instances: Parameters<typeof urls>[0]): Evidence[] {
  const rows = urls(instances)
    .filter((row) => row.errors > 0)
    .sort((a, b) => b.errors - a.errors);
  if (rows.length === 0) return [];
  return [
    {
      kind: 'table',
      title: 'URLs with errors',
      columns: [
        { name: 'URL' },
        { name: 'errors' },
        { name: 'of its requests', unit: 'share' },
        { name: 'statuses' },
      ],
      rows: rows.slice(0, 8).map((row) => [
        row.path,
        row.errors,
        row.requests > 0 ? row.errors / row.requests : null,
        Object.entries(row.statuses)
          .map(([status, count]) => `${status}: ${count}`)
          .join(', '),
      ]),
    },
  ];
}

const Backends = z.object({
  critical: z
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe('Share of backends that are sick; with all of them, only what is cached is served.'),
});

export const backends = defineCheck<VarnishFacts, z.infer<typeof Backends>>({
  id: 'varnish.backends',
  question: 'Did Varnish lose backends?',
  thresholds: Backends,
  needs: ['stat'],
  falseAlarm: 'A probe URL that is slower than its timeout makes a backend sick that still serves.',
  judge({ instances, thresholds }) {
    const rows = instances.flatMap((one) =>
      (one.facts.backends ?? []).map((row) => ({ ...row, instance: one.instance })),
    );
    const sick = rows.filter((row) => !row.healthy);
    if (rows.length === 0) return [thin('The VCL in use shows no backend.')];
    if (sick.length === 0)
      return [
        {
          level: 'ok',
          summary: `${rows.length} of ${rows.length} backends are healthy${rows.every((row) => !row.hasProbe) ? ' as far as requests show (they have no probe)' : ''}.`,
        },
      ];
    const level = sick.length / rows.length >= thresholds.critical ? 'critical' : 'warn';
    return [...new Set(sick.map((row) => row.backend))].map((backend) => ({
      subject: backend,
      level,
      certain: true,
      summary: `Backend ${backend} is sick on ${sick
        .filter((row) => row.backend === backend)
        .map((row) => row.instance)
        .join(', ')}; ${rows.length - sick.length} of ${rows.length} are healthy.`,
      value: 0,
      unit: 'count',
      evidence: [
        {
          kind: 'table',
          title: 'Backends of the VCL in use',
          columns: [
            { name: 'server' },
            { name: 'backend' },
            { name: 'VCL' },
            { name: 'healthy' },
            { name: 'connections' },
          ],
          rows: rows.map((row) => [
            row.instance,
            row.backend,
            row.vcl,
            row.healthy ? 'yes' : 'no',
            row.connections,
          ]),
        },
      ],
      advice:
        'Its probe failed three times in a row: ask the URL of the probe by hand from the Varnish host.',
    }));
  },
});
