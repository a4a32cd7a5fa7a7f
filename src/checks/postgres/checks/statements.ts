import { z } from 'zod';
import { figure } from '../../../message/figures.ts';
import { defineCheck, type Evidence, type Verdict } from '../../contract.ts';
import { mean } from '../../rate.ts';
import type { PostgresFacts, StatementRow } from '../facts.ts';
import { each, type Input, thin } from './shared.ts';

const Hot = z.object({
  warn: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe('Share of database time of one pattern; from half on, nothing else is worth looking at first.'),
  critical: z
    .number()
    .min(0)
    .max(1)
    .default(0.8)
    .describe('Share of database time; the database does hardly anything else.'),
  clear: z.number().min(0).max(1).default(0.4).describe('Share of database time; a fifth under the limit.'),
  minimumBusy: z
    .number()
    .min(0)
    .default(0.3)
    .describe('Seconds of database time a second, all patterns; of less, any share is harmless.'),
  criticalBusy: z
    .number()
    .min(0)
    .default(0.8)
    .describe(
      'Seconds of database time a second from which a large share may be critical: nearly one session without a pause.',
    ),
  callsPerRequest: z
    .number()
    .positive()
    .default(10)
    .describe('Calls of one pattern for each request to the application; more is a query in a loop (N+1).'),
  minimumRequests: z
    .number()
    .min(0)
    .default(1)
    .describe('Requests a second; calls per request of fewer say little.'),
  minimumCalls: z
    .number()
    .min(0)
    .default(5)
    .describe(
      'Statements a second from which little work is good news; of fewer it may be that nobody asks.',
    ),
});
/** Clear is a fifth below where judging begins: work that stands at that limit is not over. */
const AT_EASE = 0.8;
type Hot = z.infer<typeof Hot>;

const REQUESTS = ['uwsgi.requests', 'haproxy.requests', 'visitors.requests'] as const;
const WINDOW_MS = 60_000;

export const hotQueries = defineCheck<PostgresFacts, Hot>({
  id: 'postgres.hot-queries',
  question: 'Which patterns come most often or cost most?',
  thresholds: Hot,
  needs: ['statements'],
  falseAlarm:
    'A site with one page that everybody asks for has one pattern on top, and it is no trouble while it is fast: raise minimumBusy.',
  judge(input) {
    const { thresholds } = input;
    return each(input, (view, primary): Verdict => {
      const { statements } = view.facts;
      if (!statements) return thin('Two looks at the counters are needed.');
      const busy = view.value('postgres.statement_busy') ?? 0;
      const requests = primary ? requestsOf(input) : undefined;
      const evidence = [statementTable(statements, requests, view.instance)];
      const often = [...statements].sort((a, b) => b.callsPerSecond - a.callsPerSecond)[0];
      const perRequest = often && requests !== undefined ? often.callsPerSecond / requests : undefined;
      const loop =
        requests !== undefined &&
        requests >= thresholds.minimumRequests &&
        (perRequest ?? 0) > thresholds.callsPerRequest;
      const dear = statements[0];
      if (busy < thresholds.minimumBusy || !dear)
        return loop && often
          ? inALoop(often, perRequest ?? 0, thresholds, evidence)
          : atEase(view.value('postgres.calls') ?? 0, busy, thresholds, evidence);
      const level =
        dear.share > thresholds.critical && busy >= thresholds.criticalBusy
          ? 'critical'
          : dear.share > thresholds.warn
            ? 'warn'
            : 'ok';
      if (level === 'ok' && loop && often) return inALoop(often, perRequest ?? 0, thresholds, evidence);
      return {
        level,
        cleared: dear.share <= thresholds.clear,
        summary: `One pattern takes ${figure(dear.share, 'share')} of database time (limit ${figure(thresholds.warn, 'share')}): ${figure(dear.callsPerSecond, '/s')} at ${figure(dear.meanSeconds, 's')} each, ${figure(dear.rowsPerCall, 'count')} rows a call${callsWords(dear, requests)}.`,
        value: dear.share,
        unit: 'share',
        threshold: level === 'critical' ? thresholds.critical : thresholds.warn,
        evidence,
        ...(level === 'ok' ? {} : { advice: adviceFor(dear) }),
      };
    });
  },
});

/** They are many and cost little; or hardly anybody asks, and nothing can be said. */
function atEase(calls: number, busy: number, thresholds: Hot, evidence: readonly Evidence[]): Verdict {
  const summary = `All statements keep ${figure(busy, 'count')} sessions at work (looked at from ${figure(thresholds.minimumBusy, 'count')} on).`;
  return {
    ...(calls < thresholds.minimumCalls
      ? thin(summary)
      : { level: 'ok', cleared: busy <= AT_EASE * thresholds.minimumBusy, summary }),
    evidence,
  };
}

function inALoop(
  often: StatementRow,
  perRequest: number,
  thresholds: Hot,
  evidence: readonly Evidence[],
): Verdict {
  return {
    level: 'warn',
    cleared: false,
    summary: `One pattern is called ${figure(perRequest, 'count')} times for each request (limit ${figure(thresholds.callsPerRequest, 'count')}), ${figure(often.callsPerSecond, '/s')}.`,
    value: perRequest,
    unit: 'count',
    threshold: thresholds.callsPerRequest,
    evidence,
    advice: 'The application asks in a loop: fetch these rows in one statement (a join, IN), or cache them.',
  };
}

function adviceFor(row: StatementRow): string {
  if (row.meanSeconds >= 0.1)
    return 'Each call is slow: its plan says why (an index that is missing, postgres.missing-index).';
  if (row.rowsPerCall > 1000)
    return 'Each call brings many rows: ask for fewer (LIMIT, fewer columns), or keep the result in the cache.';
  return 'Each call is fast, there are many: keep its result in the cache, or ask for several at once.';
}

function callsWords(row: StatementRow, requests: number | undefined): string {
  return requests === undefined || requests < 1
    ? ''
    : `, ${figure(row.callsPerSecond / requests, 'count')} calls a request`;
}

/** Requests a second of the services that use this database, through poolers too. */
function requestsOf<T>({ stack, target, history }: Input<T>): number | undefined {
  const users = new Set<string>();
  const queue = [target];
  for (let next = queue.pop(); next !== undefined; next = queue.pop())
    for (const name of stack.above(next)) {
      if (users.has(name)) continue;
      users.add(name);
      if (stack.services.get(name)?.kind === 'pgbouncer') queue.push(name);
    }
  for (const metric of REQUESTS) {
    const values = [...users].flatMap(
      (name) => mean(history.series({ metric, target: name, windowMs: WINDOW_MS })) ?? [],
    );
    if (values.length > 0) return values.reduce((sum, value) => sum + value, 0);
  }
  return undefined;
}

export function statementTable(
  rows: readonly StatementRow[],
  requests: number | undefined,
  instance: string,
  most = 8,
): Evidence {
  return {
    kind: 'table',
    title: `Statements on ${instance}, by database time`,
    columns: [
      { name: 'share', unit: 'share' },
      { name: 'calls', unit: '/s' },
      { name: 'mean', unit: 's' },
      { name: 'rows a call' },
      { name: 'a request' },
      { name: 'role' },
      { name: 'query' },
    ],
    rows: rows
      .slice(0, most)
      .map((row) => [
        row.share,
        row.callsPerSecond,
        row.meanSeconds,
        Math.round(row.rowsPerCall * 10) / 10,
        requests === undefined || requests < 1
          ? null
          : Math.round((row.callsPerSecond / requests) * 100) / 100,
        row.role,
        row.query,
      ]),
  };
}
