import type { UrlRow, VarnishFacts } from '../../checks/varnish/facts.ts';
import { defineCause, type ExplainContext } from '../contract.ts';
import { bad, frontSymptoms, percent, wouldCover } from '../findings.ts';

const REASONS: Readonly<Record<string, string>> = {
  'set-cookie': 'the application sets a cookie on them',
  cookie: 'they carry a cookie that Varnish does not drop',
  vary: 'their Vary header splits them into many copies',
  'ttl-0': 'their lifetime is 0',
  'no-store': 'the application forbids storing them',
  authorization: 'they carry Authorization',
  pass: 'the VCL passes them',
};
/** Share of what reaches the application that one reason must explain. */
const NOTABLE = 0.3;

/** Pages that could be cached are not, for one reason that the responses name. */
export const cacheBypassed = defineCause({
  id: 'cache-bypassed',
  question: 'Does one thing (a cookie, Vary, a lifetime of 0, the VCL) keep pages out of the cache?',
  suspects: (context) =>
    context.stack
      .of('varnish')
      .filter(
        (varnish) =>
          bad(context, ['varnish.hit-rate', 'varnish.top-misses'], varnish.name).length > 0 &&
          main(rows(context, varnish.name)) !== undefined,
      )
      .map((varnish) => ({ target: varnish.name })),
  explain: ({ target }, context) => {
    const found = main(rows(context, target));
    if (!found) return undefined;
    const app = [...context.stack.services.values()].find((service) => service.kind === 'uwsgi')?.name;
    const cookie = found.reason === 'set-cookie';
    const vary = found.reason === 'vary';
    const cacheable = (context.stack.service(target, 'varnish')?.config.cached ?? []).filter((pattern) =>
      found.rows.some((row) => matches(pattern, row.path)),
    );
    return {
      cause: 'cache-bypassed',
      target,
      confidence: found.share > 0.6 ? 'sure' : 'likely',
      score: 0.55 + found.share * 0.3,
      title: `The cache is bypassed: ${found.reason}`,
      summary: `${percent(found.share)} of what reaches the application are pages that could come from the cache, but ${REASONS[found.reason] ?? found.reason}.`,
      ruledOut: [],
      covers: [
        ...wouldCover(['varnish.hit-rate', 'varnish.top-misses'], [target]),
        ...(app ? frontSymptoms(context, app) : []),
      ],
      evidence: [
        {
          kind: 'table',
          title: 'Pages that bypass the cache',
          columns: [
            { name: 'URL' },
            { name: 'requests' },
            { name: 'to app' },
            { name: 'reason' },
            { name: 'Cache-Control' },
            { name: 'Vary' },
          ],
          rows: found.rows
            .slice(0, 8)
            .map((row) => [
              row.path,
              row.requests,
              row.backendRequests,
              row.reason,
              row.cacheControl ?? '',
              row.vary ?? '',
            ]),
        },
      ],
      proposals:
        (cookie || vary) && cacheable.length > 0
          ? [
              {
                remediation: 'cache-rule',
                params: {
                  service: target,
                  form: cookie ? 'unset-set-cookie' : 'unset-vary',
                  patterns: cacheable,
                  share: Math.round(found.share * 100) / 100,
                },
                effect: 'cure',
              },
            ]
          : [],
      byHand:
        cookie || vary
          ? `In vcl_backend_response, for the pages that nobody logs in to: unset beresp.http.${cookie ? 'Set-Cookie' : 'Vary'};`
          : 'Ask the application to send "Cache-Control: public, max-age=60" on the pages above, or set beresp.ttl for them in the VCL.',
    };
  },
});

function rows(context: ExplainContext, varnish: string): UrlRow[] {
  const service = context.stack.service(varnish, 'varnish')?.config;
  const log = [...context.seen.facts<VarnishFacts>(varnish).values()][0]?.log;
  const passed = service?.passed ?? [];
  return (log?.urls ?? []).filter(
    (row) =>
      row.status === 200 && row.backendRequests > 0 && !passed.some((pattern) => matches(pattern, row.path)),
  );
}

function main(all: readonly UrlRow[]): { reason: string; share: number; rows: UrlRow[] } | undefined {
  const total = all.reduce((sum, row) => sum + row.backendRequests, 0);
  const byReason = new Map<string, UrlRow[]>();
  for (const row of all)
    if (row.reason in REASONS) byReason.set(row.reason, [...(byReason.get(row.reason) ?? []), row]);
  const [best] = [...byReason]
    .map(([reason, list]) => ({
      reason,
      rows: list,
      share: list.reduce((sum, row) => sum + row.backendRequests, 0) / Math.max(1, total),
    }))
    .sort((a, b) => b.share - a.share);
  return best && best.share >= NOTABLE ? best : undefined;
}

/** `/product/*` as the config writes it: a trailing star is any rest, nothing else is special. */
function matches(pattern: string, path: string): boolean {
  return pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : path === pattern;
}
