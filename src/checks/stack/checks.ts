import { z } from 'zod';
import type { Stack } from '../../config/stack.ts';
import { figure } from '../../message/figures.ts';
import {
  defineCheck,
  type Evidence,
  type HistoryView,
  type JudgeInput,
  type Level,
  type Verdict,
} from '../contract.ts';
import { grade } from '../judging.ts';
import { mean, share } from '../rate.ts';
import { worstPages } from './pages.ts';

const Visitors = z.object({
  p95: z
    .number()
    .positive()
    .optional()
    .describe('Seconds; default launch.p95, what the team promised its visitors.'),
  p95Critical: z
    .number()
    .positive()
    .default(2)
    .describe('Times the limit; twice as slow is what visitors leave for.'),
  warn: z
    .number()
    .min(0)
    .max(1)
    .default(0.02)
    .describe('Share of requests failed; stock alerts begin at 2 %.'),
  critical: z
    .number()
    .min(0)
    .max(1)
    .default(0.05)
    .describe('Share of requests failed; stock alerts call 5 % critical.'),
  clear: z.number().min(0).max(1).default(0.01).describe('Share of requests failed; where stock alerts end.'),
  clearP95: z
    .number()
    .positive()
    .default(0.8)
    .describe('Times the limit; a fifth under it, so that it does not flap.'),
  minimumRequests: z
    .number()
    .min(0)
    .default(120)
    .describe(
      'Requests a minute; below it single visitors decide (the stock alerts of web servers begin here).',
    ),
  windowSeconds: z
    .number()
    .min(5)
    .max(600)
    .default(11)
    .describe('Seconds looked back: two windows of the log.'),
});
type Visitors = z.infer<typeof Visitors>;

/** What visitors get at one moment; `undefined` is not known. */
interface Got {
  readonly entry: string;
  readonly requests: number | undefined;
  readonly p95: number | undefined;
  readonly errorShare: number | undefined;
  readonly errors: number;
}

export const visitors = defineCheck<object, Visitors>({
  id: 'stack.visitors',
  question: 'What do visitors get: requests, p95, share of 5xx and time-outs?',
  thresholds: Visitors,
  needs: [],
  falseAlarm: 'Slow pages by design (exports, uploads) at little other traffic raise the p95 of all.',
  judge({ stack, history, thresholds, facts }) {
    const got = whatVisitorsGet(stack, history, thresholds.windowSeconds * 1000);
    if (!got) return [unknown('The config names no service that visitors meet.')];
    if (got.requests === undefined)
      return [unknown(`No figures of ${got.entry} yet: they come from its log, or from its counters.`)];
    if (got.requests * 60 < thresholds.minimumRequests)
      return [
        {
          level: 'ok',
          basis: 'thin',
          summary: `Only ${figure(got.requests * 60, 'count')} requests a minute reach ${got.entry}.`,
        },
      ];
    return [judged(got, thresholds, thresholds.p95 ?? stack.config.launch.p95, facts)];
  },
});

function judged(
  got: Got,
  thresholds: Visitors,
  limit: number,
  facts: JudgeInput<object, Visitors>['facts'],
): Verdict {
  const slow =
    got.p95 === undefined
      ? undefined
      : grade(
          got.p95,
          { warn: limit, critical: limit * thresholds.p95Critical, clear: limit * thresholds.clearP95 },
          'above',
        );
  const failing = got.errorShare === undefined ? undefined : grade(got.errorShare, thresholds, 'above');
  const both = [slow, failing].flatMap((one) => one ?? []);
  const level = worst(both.map((one) => one.level));
  // The figure that is bad is the one named; when both are, errors weigh more.
  const errorsLead = failing !== undefined && failing.level !== 'ok' && failing.level === level;
  const value = errorsLead || got.p95 === undefined ? got.errorShare : got.p95;
  const threshold = errorsLead ? failing.threshold : (slow ?? failing)?.threshold;
  const words = [
    got.p95 === undefined ? 'p95 not known' : `p95 ${figure(got.p95, 's')} (limit ${figure(limit, 's')})`,
    got.errorShare === undefined
      ? 'errors not known'
      : `${figure(got.errorShare, 'share')} errors (limit ${figure(thresholds.warn, 'share')})`,
    figure(got.requests, '/s'),
  ];
  return {
    level,
    cleared: both.every((one) => one.cleared),
    summary: `Visitors: ${words.join(' · ')}.`,
    ...(value === undefined
      ? {}
      : { value, unit: value === got.errorShare && value !== got.p95 ? 'share' : 's' }),
    ...(threshold === undefined ? {} : { threshold }),
    evidence: [
      table(got, thresholds, limit),
      ...(level === 'ok' ? [] : worstPages(got.entry, facts, errorsLead ? 'fail' : 'take longest')),
    ],
    ...(level === 'ok'
      ? {}
      : {
          advice: `${errorsLead ? `About ${figure(got.errors, 'count')} requests a second fail` : 'Visitors get their pages, and late'}. The tier below that is bad first is where to look.`,
        }),
  };
}

function table(got: Got, thresholds: Visitors, limit: number): Evidence {
  return {
    kind: 'figures',
    rows: [
      { name: `requests at ${got.entry}`, value: got.requests ?? 0, unit: '/s' },
      ...(got.p95 === undefined ? [] : [{ name: 'p95', value: got.p95, unit: 's' as const, limit }]),
      ...(got.errorShare === undefined
        ? []
        : [{ name: 'errors', value: got.errorShare, unit: 'share' as const, limit: thresholds.warn }]),
    ],
  };
}

/** From the service that visitors meet first; the slowest of its hosts counts, requests and errors are summed. */
function whatVisitorsGet(stack: Stack, history: HistoryView, windowMs: number): Got | undefined {
  const entry = stack.entry()?.name;
  if (entry === undefined) return undefined;
  const each = (metric: string) =>
    stack.hostsOf(entry, true).flatMap((instance) => {
      const value = mean(history.series({ metric, target: entry, instance, windowMs }));
      return value === undefined ? [] : [value];
    });
  const total = (metric: string) => {
    const values = each(metric);
    return values.length > 0 ? values.reduce((sum, value) => sum + value, 0) : undefined;
  };
  const requests = total('visitors.requests');
  const errors = total('visitors.errors');
  const slowest = each('visitors.p95');
  return {
    entry,
    requests,
    p95: slowest.length > 0 ? Math.max(...slowest) : undefined,
    errorShare: requests === undefined || errors === undefined ? undefined : share(errors, requests),
    errors: errors ?? 0,
  };
}

function worst(levels: readonly Level[]): Level {
  if (levels.includes('critical')) return 'critical';
  return levels.includes('warn') ? 'warn' : 'ok';
}

function unknown(summary: string): Verdict {
  return { level: 'unknown', cleared: false, summary };
}
