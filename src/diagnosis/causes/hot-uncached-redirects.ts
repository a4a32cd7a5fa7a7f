import type { GroupRow, UrlRow, VarnishFacts } from '../../checks/varnish/facts.ts';
import { cleanRequest } from '../../checks/varnish/index.ts';
import { addServer, appLine, appState, pressed } from '../app.ts';
import { defineCause, type ExplainContext, type Explanation, type ProbeContext } from '../contract.ts';
import { bad, frontSymptoms, percent, wouldCover } from '../findings.ts';

/** A redirect group takes at least this share of the application's time before it counts as a cause. */
const NOTABLE_SHARE = 0.2;
const PERMANENT = new Set([301, 308]);
const TRIED_URLS = 3;

interface Hot {
  readonly group: GroupRow;
  readonly rows: readonly UrlRow[];
  readonly requestShare: number;
  readonly timeShare: number;
}

interface Tried {
  readonly path: string;
  readonly status: number;
  readonly cacheControl: string;
  readonly same: boolean;
}

/** Permanent redirects that the application answers again and again because nothing lets Varnish keep them. */
export const hotUncachedRedirects = defineCause<readonly Tried[]>({
  id: 'hot-uncached-redirects',
  question: 'Do permanent redirects burn the application because Varnish does not keep them?',
  suspects: (context) =>
    context.stack
      .of('varnish')
      .filter((varnish) => hottest(context, varnish.name) !== undefined)
      .map((varnish) => ({ target: varnish.name })),
  probe: async ({ target }, context) => {
    const hot = hottest(context, target);
    const paths = (hot?.rows ?? []).slice(0, TRIED_URLS).map((row) => row.path);
    // An application that is overloaded may answer some of our own requests with 503, or not in time: those say nothing.
    const tried = await Promise.allSettled(paths.map((path) => tryOne(path, target, context)));
    return tried.flatMap((one) => (one.status === 'fulfilled' && one.value ? [one.value] : []));
  },
  explain: ({ target }, context, tried) => {
    const hot = hottest(context, target);
    return hot && explanation(context, target, hot, tried ?? []);
  },
});

async function tryOne(path: string, target: string, context: ProbeContext): Promise<Tried | undefined> {
  const [plain, withCookie] = await Promise.all([
    context.ask(cleanRequest, target, { path }),
    context.ask(cleanRequest, target, { path, cookie: true }),
  ]);
  if (plain.status >= 500 || withCookie.status >= 500) return undefined;
  const same = plain.status === withCookie.status && plain.location === withCookie.location;
  return { path, status: plain.status, cacheControl: plain.cacheControl ?? '', same };
}

/** The group of permanent redirects that takes most of the application's time, when that is notable. */
function hottest(context: ExplainContext, varnish: string): Hot | undefined {
  const log = [...context.seen.facts<VarnishFacts>(varnish).values()][0]?.log;
  if (!log) return undefined;
  const time = sum(log.urls, (row) => row.backendSeconds);
  const requests = sum(log.urls, (row) => row.backendRequests);
  if (time <= 0 || requests <= 0) return undefined;
  const hot = log.groups
    .map((group): Hot => {
      const rows = log.urls.filter(
        (row) =>
          row.group === group.group &&
          PERMANENT.has(row.status) &&
          row.backendRequests > 0 &&
          row.reason !== 'cold',
      );
      return {
        group,
        rows,
        requestShare: sum(rows, (row) => row.backendRequests) / requests,
        timeShare: sum(rows, (row) => row.backendSeconds) / time,
      };
    })
    .sort((a, b) => b.timeShare - a.timeShare)[0];
  return hot && hot.timeShare >= NOTABLE_SHARE ? hot : undefined;
}

/** What one client alone makes hot may be what somebody wants to be kept for a year. */
const FEWEST_NETWORKS = 2;
const ONE_NETWORK =
  'only one client network asked for these URLs, which could be somebody who wants them kept';

function explanation(
  context: ExplainContext,
  varnish: string,
  hot: Hot,
  tried: readonly Tried[],
): Explanation {
  const app = appBelow(context, varnish);
  const state = app ? appState(context, app) : undefined;
  const hurts = state !== undefined && pressed(state);
  const header = hot.rows[0]?.cacheControl ?? tried[0]?.cacheControl ?? '';
  const confirmed = tried.length > 0 && tried.every((one) => one.same && PERMANENT.has(one.status));
  const refuted = tried.some((one) => !one.same || !PERMANENT.has(one.status));
  const add = app ? addServer(context, app) : undefined;
  const prefix = hot.group.group.replace(/\*$/, '');
  return {
    cause: 'hot-uncached-redirects',
    target: varnish,
    confidence: confirmed && hurts ? 'sure' : refuted ? 'not sure' : 'likely',
    score: (hurts ? 0.6 : 0.3) + hot.timeShare * 0.35 - (refuted ? 0.3 : 0),
    title: hurts
      ? `Redirects under ${hot.group.group} overload the app`
      : `Redirects under ${hot.group.group} reach the app each time`,
    summary: `${hot.group.group} is ${percent(hot.requestShare)} of the requests that reach the application but ${percent(hot.timeShare)} of its time. All are ${hot.rows[0]?.status ?? 301}${header ? ` with "${header}"` : ''}, so Varnish asks again each time.${state ? ` App: ${appLine(state)}.` : ''}`,
    ruledOut: ruledOut(context),
    ...(hot.group.clients < FEWEST_NETWORKS && !refuted
      ? { settle: `To cache them for a year is not offered: ${ONE_NETWORK}.` }
      : {}),
    ...(refuted
      ? {
          settle:
            'Our own request got another answer with a cookie, or no redirect: look at the URLs below before caching them.',
        }
      : {}),
    covers: [
      ...(app ? frontSymptoms(context, app) : []),
      ...wouldCover(['varnish.redirects', 'varnish.top-misses', 'varnish.hit-rate'], [varnish]),
    ],
    evidence: [
      {
        kind: 'table',
        title: `Redirects that the application answered (last ${Math.round(windowSeconds(context, varnish))} s)`,
        columns: [
          { name: 'URL' },
          { name: 'status' },
          { name: 'requests' },
          { name: 'to app' },
          { name: 'app time', unit: 's' },
          { name: 'Cache-Control' },
        ],
        rows: hot.rows
          .slice(0, 8)
          .map((row) => [
            row.path,
            row.status,
            row.requests,
            row.backendRequests,
            row.backendSeconds,
            row.cacheControl ?? '',
          ]),
      },
    ],
    proposals: refuted
      ? []
      : [
          {
            remediation: 'cache-rule',
            params: {
              service: varnish,
              form: 'ttl',
              pattern: prefix,
              share: Math.round(hot.requestShare * 100) / 100,
              paths: hot.rows.slice(0, 5).map((row) => row.path),
            },
            effect: 'cure',
            ...(hot.group.clients < FEWEST_NETWORKS ? { withheld: ONE_NETWORK } : {}),
          },
          ...(hurts && add ? [add] : []),
        ],
    byHand: `In vcl_backend_response: if (bereq.url ~ "^${prefix}" && (beresp.status == 301 || beresp.status == 308)) { set beresp.ttl = 365d; }`,
  };
}

function ruledOut(context: ExplainContext): string[] {
  const recent = context.seen.changes().filter((change) => context.at - change.at < 15 * 60_000);
  return [
    ...(bad(context, ['haproxy.backends']).length === 0 ? ['a server that is down'] : []),
    ...(recent.length === 0 ? ['a deploy (none marked)'] : []),
  ];
}

function appBelow(context: ExplainContext, name: string): string | undefined {
  const queue = [...context.stack.below(name)];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    if (context.stack.services.get(next)?.kind === 'uwsgi') return next;
    queue.push(...context.stack.below(next));
  }
  return undefined;
}

function windowSeconds(context: ExplainContext, varnish: string): number {
  return [...context.seen.facts<VarnishFacts>(varnish).values()][0]?.log?.seconds ?? 0;
}

function sum<T>(rows: readonly T[], value: (row: T) => number): number {
  return rows.reduce((total, row) => total + value(row), 0);
}
