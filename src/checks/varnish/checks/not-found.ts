import { z } from 'zod';
import { figure } from '../../../message/figures.ts';
import { defineCheck, type Evidence } from '../../contract.ts';
import { grade } from '../../judging.ts';
import type { NotFoundRow, VarnishFacts } from '../facts.ts';
import { minimumRequests, over, thin } from './shared.ts';

const NotFound = z.object({
  warn: z
    .number()
    .min(0)
    .max(1)
    .default(0.1)
    .describe(
      'Share of the requests that reach the application; a tenth for pages that are not there is worth a rule.',
    ),
  critical: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe('Share; half of what the application does is to say that there is nothing.'),
  clear: z.number().min(0).max(1).default(0.05).describe('Share; half of the limit.'),
  minimumRequests,
  minimumNotFound: z
    .number()
    .min(0)
    .default(30)
    .describe('Such requests a minute; one every two seconds is nothing that the application would feel.'),
});

export const notFound = defineCheck<VarnishFacts, z.infer<typeof NotFound>>({
  id: 'varnish.not-found',
  question: 'Which 404s could Varnish answer itself?',
  thresholds: NotFound,
  needs: ['log'],
  falseAlarm:
    'Pages that are about to be published, or an application that says 404 to those who are not signed in.',
  judge(input) {
    const { instances, thresholds } = input;
    const now = over(input, 'visitors.requests', 10);
    if (now === undefined || now * 60 < thresholds.minimumRequests)
      return [thin(`Only ${figure((now ?? 0) * 60, 'count')} requests a minute.`)];
    const logs = instances.flatMap((one) => one.facts.log ?? []);
    const rows = logs.flatMap((log) => log.notFound);
    const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
    const seconds = Math.max(0, ...logs.map((log) => log.seconds));
    const reached = sum(logs.map((log) => log.backendRequests));
    const busy = sum(logs.map((log) => log.backendSeconds));
    const missing = sum(rows.map((row) => row.backendRequests));
    const elsewhere = sum(logs.map((log) => log.missing.backendRequests)) - missing;
    const aMinute = seconds > 0 ? (missing / seconds) * 60 : 0;
    if (reached === 0 || aMinute < thresholds.minimumNotFound)
      return [
        {
          level: 'ok',
          // A fifth below where judging begins.
          cleared: aMinute <= 0.8 * thresholds.minimumNotFound,
          ...(logs.length === 0 ? { basis: 'thin' as const } : {}),
          summary: `Only ${figure(aMinute, 'count')} requests a minute reach the application for pages that are not there.`,
        },
      ];
    const value = Math.min(1, missing / reached);
    const { level, cleared, threshold } = grade(value, thresholds, 'above');
    const ofTime =
      busy > 0
        ? ` and ${figure(sum(rows.map((row) => row.backendSeconds)) / busy, 'share')} of its time`
        : '';
    const summary = `Pages that are not there are ${figure(value, 'share')} of the requests that reach the application${ofTime} (limit ${figure(threshold, 'share')}), ${figure(aMinute / 60, '/s')}.`;
    if (level === 'ok') return [{ level, cleared, summary, value, unit: 'share', threshold }];
    return [
      {
        level,
        cleared,
        summary,
        value,
        unit: 'share',
        threshold,
        evidence: [
          table(rows, reached, busy),
          ...(elsewhere > 0
            ? [
                {
                  kind: 'note' as const,
                  text: `${elsewhere} more stand among pages that are there, or were asked for once: no rule is offered for those.`,
                },
              ]
            : []),
        ],
        advice: `A cache rule of the form not-found for ${rows[0] ? shown(rows[0]) : 'the first row'} lets Varnish keep the answer for 60 s. Then see who links there.`,
      },
    ];
  },
});

function table(rows: readonly NotFoundRow[], reached: number, busy: number): Evidence {
  return {
    kind: 'table',
    title: 'Under these, nothing was found in the last minute',
    columns: [
      { name: 'URLs' },
      { name: 'to app' },
      { name: 'of requests', unit: 'share' },
      { name: 'of time', unit: 'share' },
      { name: 'Cache-Control' },
      { name: 'such as' },
    ],
    rows: rows
      .slice(0, 8)
      .map((row) => [
        row.urls > 1 ? `${shown(row)} (${row.urls})` : shown(row),
        row.backendRequests,
        row.backendRequests / reached,
        busy > 0 ? row.backendSeconds / busy : null,
        row.cacheControl ?? '',
        row.kind === 'prefix' ? (row.examples[0] ?? '') : '',
      ]),
  };
}

function shown(row: NotFoundRow): string {
  return row.kind === 'prefix' ? `${row.path}*` : row.path;
}
