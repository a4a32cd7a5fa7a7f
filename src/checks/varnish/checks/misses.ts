import { z } from 'zod';
import { figure } from '../../../message/figures.ts';
import { defineCheck, type Evidence, type InstanceView } from '../../contract.ts';
import { grade } from '../../judging.ts';
import type { GroupRow, Reason, UrlRow, VarnishFacts } from '../facts.ts';
import { groups, matches, minimumRequests, missTable, over, thin, total, urls } from './shared.ts';

const PERMANENT = new Set([301, 308]);
/** What a rule in Varnish could mend. A page that forbids storing may be private: that is asked of a person. */
const MENDABLE: ReadonlySet<Reason> = new Set(['set-cookie', 'cookie', 'vary', 'ttl-0']);

const Redirects = z.object({
  warn: z
    .number()
    .min(0)
    .max(1)
    .default(0.1)
    .describe(
      'Share of the application’s time or requests; a tenth for answers that never change is worth a rule.',
    ),
  critical: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe('Share; half of the application does nothing else.'),
  clear: z.number().min(0).max(1).default(0.05).describe('Share; half of the limit.'),
  minimumRequests,
});

export const redirects = defineCheck<VarnishFacts, z.infer<typeof Redirects>>({
  id: 'varnish.redirects',
  question: 'Which permanent redirects could Varnish answer itself?',
  thresholds: Redirects,
  needs: ['log'],
  falseAlarm: 'Redirects that differ by visitor (language, login) look alike here and must not be cached.',
  judge({ instances, thresholds, history, target }) {
    const now = over({ instances, history, target }, 'visitors.requests', 10);
    if (now === undefined || now * 60 < thresholds.minimumRequests)
      return [thin(`Only ${figure((now ?? 0) * 60, 'count')} requests a minute.`)];
    const highest = (metric: string) => Math.max(0, ...instances.map((one) => one.value(metric) ?? 0));
    const ofTime = highest('varnish.redirects_time_share');
    const ofRequests = highest('varnish.redirects_request_share');
    const perSecond = over({ instances, history, target }, 'varnish.redirects_backend_requests', 10) ?? 0;
    const value = Math.max(ofTime, ofRequests);
    const { level, cleared, threshold } = grade(value, thresholds, 'above');
    const summary = `Permanent redirects are ${figure(ofRequests, 'share')} of the requests that reach the application and ${figure(ofTime, 'share')} of its time (limit ${figure(threshold, 'share')}), ${figure(perSecond, '/s')}.`;
    if (level === 'ok') return [{ level, cleared, summary, value, unit: 'share', threshold }];
    const rows = urls(instances).filter((row) => PERMANENT.has(row.status) && row.backendRequests > 0);
    return [
      {
        level,
        cleared,
        summary,
        value,
        unit: 'share',
        threshold,
        evidence: [
          ...groupTable(instances),
          ...missTable(rows, 'Redirects that the application answers', urls(instances)),
        ],
        advice:
          'They never change: a cache rule lets Varnish keep them, so that each asks the application once.',
      },
    ];
  },
});

const TopMisses = z.object({
  warn: z
    .number()
    .min(0)
    .max(1)
    .default(0.2)
    .describe('Share of the requests that reach the application; below a fifth a rule changes little.'),
  critical: z.number().min(0).max(1).default(0.6).describe('Share; the cache does nothing for most of them.'),
  clear: z.number().min(0).max(1).default(0.15).describe('Share; a quarter under the limit.'),
  minimumRequests,
  minimumBackendRequests: z
    .number()
    .min(0)
    .default(60)
    .describe('Requests a minute that reach the application; fewer do not hurt it.'),
});

export const topMisses = defineCheck<VarnishFacts, z.infer<typeof TopMisses>>({
  id: 'varnish.top-misses',
  question: 'Which URLs bypass the cache most?',
  thresholds: TopMisses,
  needs: ['log'],
  falseAlarm:
    'Pages that differ by visitor without saying so (no private, no no-store) look as if they could be cached; list them under "passed".',
  judge({ instances, thresholds, history, target, stack }) {
    const now = over({ instances, history, target }, 'visitors.requests', 10);
    const all = urls(instances);
    const seconds = Math.max(0, ...instances.map((one) => one.facts.log?.seconds ?? 0));
    const reached = instances.reduce((sum, one) => sum + (one.facts.log?.backendRequests ?? 0), 0);
    if (now === undefined || now * 60 < thresholds.minimumRequests)
      return [thin(`Only ${figure((now ?? 0) * 60, 'count')} requests a minute.`)];
    if (seconds <= 0 || (reached / seconds) * 60 < thresholds.minimumBackendRequests)
      return [
        {
          level: 'ok',
          ...(seconds > 0 ? {} : { basis: 'thin' as const }),
          summary: `Only ${figure(seconds > 0 ? (reached / seconds) * 60 : 0, 'count')} requests a minute reach the application.`,
        },
      ];
    const passed = stack.service(target, 'varnish')?.config.passed ?? [];
    const rows = all.filter(
      (row) => isMendable(row) && !passed.some((pattern) => matches(pattern, row.path)),
    );
    const value = Math.min(1, total(rows, 'backendRequests') / reached);
    const { level, cleared, threshold } = grade(value, thresholds, 'above');
    const summary = `${figure(value, 'share')} of the requests that reach the application could come from the cache (limit ${figure(threshold, 'share')}).`;
    if (level === 'ok') return [{ level, cleared, summary, value, unit: 'share', threshold }];
    return [
      {
        level,
        cleared,
        summary,
        value,
        unit: 'share',
        threshold,
        evidence: [...missTable(rows, 'URLs that bypass the cache', all), ...groupTable(instances)],
        advice: mendOfMost(rows),
      },
    ];
  },
});

function isMendable(row: UrlRow): boolean {
  if (row.backendRequests === 0 || row.status >= 400) return false;
  return MENDABLE.has(row.reason) || (PERMANENT.has(row.status) && row.backendRequests > 1);
}

/** The mend that takes most requests off the application: a single dear URL may have a reason of its own. */
function mendOfMost(rows: readonly UrlRow[]): string {
  const requests = new Map<string, number>();
  for (const row of rows) requests.set(mend(row), (requests.get(mend(row)) ?? 0) + row.backendRequests);
  const [most] = [...requests].sort((a, b) => b[1] - a[1]);
  return most?.[0] ?? 'A cache rule for the first rows.';
}

function mend(row: UrlRow): string {
  switch (row.reason) {
    case 'set-cookie':
      return 'The application sets a cookie on pages for everybody: drop Set-Cookie there in vcl_backend_response.';
    case 'cookie':
      return 'Visitors bring a cookie that the VCL does not drop: unset req.http.Cookie for these URLs.';
    case 'vary':
      return 'Vary splits each page into many copies: unset or narrow beresp.http.Vary for these URLs.';
    default:
      return PERMANENT.has(row.status)
        ? 'Permanent redirects can stay in Varnish: a cache rule of the form ttl.'
        : 'Their lifetime is 0: let the application send max-age, or set beresp.ttl.';
  }
}

function groupTable(instances: readonly InstanceView<VarnishFacts>[]): Evidence[] {
  const all = groups(instances);
  const rows = all.filter((row) => row.backendRequests > 0);
  if (rows.length === 0) return [];
  const requests = total(rows, 'backendRequests');
  const seconds = total(rows, 'backendSeconds');
  return [
    {
      kind: 'table',
      title: 'By first part of the path',
      columns: [
        { name: 'URLs' },
        { name: 'to app' },
        { name: 'of requests', unit: 'share' },
        { name: 'of time', unit: 'share' },
        { name: 'redirects' },
        { name: 'client networks' },
      ],
      rows: rows
        .slice(0, 6)
        .map((row: GroupRow) => [
          row.urls > 1 ? `${row.group} (${row.urls})` : row.group,
          row.backendRequests,
          requests > 0 ? row.backendRequests / requests : null,
          seconds > 0 ? row.backendSeconds / seconds : null,
          row.permanent.backendRequests,
          row.clients,
        ]),
    },
  ];
}
