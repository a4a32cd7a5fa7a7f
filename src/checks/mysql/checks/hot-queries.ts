import { z } from 'zod';
import type { Stack } from '../../../config/stack.ts';
import { figure } from '../../../message/figures.ts';
import { defineCheck, type HistoryView, type Verdict } from '../../contract.ts';
import { grade } from '../../judging.ts';
import { mean } from '../../rate.ts';
import type { MysqlFacts, Pattern, Patterns } from '../facts.ts';
import { callsPerRequest, each, type Instance, patternTable, planTable, short } from './shared.ts';

const Thresholds = z.object({
  warn: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe("Share of all statements' time; one pattern that costs as much as all others is worth a look."),
  critical: z
    .number()
    .min(0)
    .max(1)
    .default(0.9)
    .describe('Share of the time; the database does nearly nothing else.'),
  clear: z.number().min(0).max(1).default(0.4).describe('Share of the time; a fifth under the limit.'),
  minimumBusy: z
    .number()
    .min(0)
    .default(0.2)
    .describe('Sessions at work on average; a share of a database that idles says nothing.'),
  criticalBusy: z
    .number()
    .min(0)
    .default(1)
    .describe('Sessions at work on average, from which it may be critical: one processor is full.'),
  callsPerRequest: z
    .number()
    .min(1)
    .default(10)
    .describe(
      'Calls of one pattern a request of the application; a page needs few, a loop over rows (N+1) many.',
    ),
  minimumCalls: z
    .number()
    .min(0)
    .default(50)
    .describe('Calls a second, below which calls a request are not judged: background work decides then.'),
  minimumQueries: z
    .number()
    .min(0)
    .default(5)
    .describe('Queries a second from which little work is good news; of fewer it may be that nobody asks.'),
});
/** Clear is a fifth below where judging begins: work that stands at that limit is not over. */
const AT_EASE = 0.8;
type Thresholds = z.infer<typeof Thresholds>;

export const hotQueries = defineCheck<MysqlFacts, Thresholds>({
  id: 'mysql.hot-queries',
  question: 'Which patterns come most often or cost most?',
  thresholds: Thresholds,
  needs: ['statements'],
  falseAlarm: 'A service that is one query by design: then its share is 100 % and its time a call decides.',
  judge(input) {
    const requests = applicationRequests(input.stack, input.target, input.history);
    return each(input, (instance) => judged(instance, input.thresholds, requests));
  },
});

function judged({ facts, value }: Instance, thresholds: Thresholds, requests: number | undefined): Verdict {
  const patterns = facts.patterns ?? facts.sampled;
  if (!patterns)
    return { level: 'ok', basis: 'thin', summary: 'Patterns of queries are known after the second look.' };
  const notes = [...new Set([...patterns.notes, ...(facts.sourceNotes ?? [])])];
  const evidence = [
    patternTable(`By time, from the ${patterns.source}`, patterns.rows, requests),
    ...notes.map((text) => ({ kind: 'note' as const, text })),
  ];
  const top = patterns.rows[0];
  if (!top || patterns.busy < thresholds.minimumBusy)
    return {
      level: 'ok',
      cleared: patterns.busy <= AT_EASE * thresholds.minimumBusy,
      ...((value('mysql.queries') ?? 0) < thresholds.minimumQueries ? { basis: 'thin' as const } : {}),
      summary: `Statements keep only ${figure(patterns.busy, 'count')} sessions busy (judged from ${figure(thresholds.minimumBusy, 'count')}), by the ${patterns.source}.`,
      evidence,
    };
  const looping = patterns.rows.find(
    (one) =>
      (one.calls ?? 0) >= thresholds.minimumCalls &&
      (callsPerRequest(one, requests) ?? 0) > thresholds.callsPerRequest,
  );
  const graded = grade(top.share, thresholds, 'above');
  const level =
    graded.level === 'critical' && patterns.busy < thresholds.criticalBusy ? 'warn' : graded.level;
  if (level === 'ok' && looping) return loop(looping, thresholds, requests as number, patterns, evidence);
  return {
    level,
    cleared: graded.cleared && !looping,
    summary: `${short(top.text)} takes ${figure(top.share, 'share')} of the statements' time (limit ${figure(graded.threshold, 'share')})${costs(top)}, by the ${patterns.source}.`,
    value: top.share,
    unit: 'share',
    threshold: graded.threshold,
    evidence: [...evidence, ...planTable('Its plan', top.plan)],
    ...(level === 'ok' ? {} : { advice: advice(top) }),
  };
}

function loop(
  one: Pattern,
  thresholds: Thresholds,
  requests: number,
  patterns: Patterns,
  evidence: Verdict['evidence'],
): Verdict {
  const value = callsPerRequest(one, requests) ?? 0;
  return {
    level: 'warn',
    cleared: false,
    summary: `${short(one.text)} is asked ${figure(value, 'count')} times a request of the application (limit ${figure(thresholds.callsPerRequest, 'count')}): ${figure(one.calls, '/s')} calls for ${figure(requests, '/s')} requests, by the ${patterns.source}.`,
    value,
    unit: 'count',
    threshold: thresholds.callsPerRequest,
    evidence: evidence ?? [],
    advice:
      'A loop that asks row by row (N+1): ask once for all rows (prefetch, IN, a join), or keep the answer in the cache.',
  };
}

function costs(one: Pattern): string {
  if (one.calls === undefined) return '';
  const each = `: ${figure(one.calls, '/s')} calls of ${figure(one.busy / one.calls, 's')}`;
  const rows =
    one.examinedPerCall === undefined
      ? ''
      : `, ${figure(Math.round(one.examinedPerCall), 'count')} rows read each`;
  return `${each}${rows}${(one.noIndex ?? 0) > 0.5 ? ', without an index' : ''}`;
}

function advice(one: Pattern): string {
  if ((one.noIndex ?? 0) > 0.5 || one.plan.some((step) => step.access === 'ALL' && (step.rows ?? 0) >= 1000))
    return 'It reads rows without an index: see its plan, and whether a column that it filters by lacks one.';
  if (one.examinedPerCall !== undefined && one.examinedPerCall > 100 * Math.max(1, one.sentPerCall ?? 1))
    return 'It reads far more rows than it gives: an index over more of its conditions, or a narrower question.';
  return 'It is cheap by itself and comes often: keep its answer in the cache, or ask for many at once.';
}

/** Requests a second of the services that use this database, those between left out; undefined where none is watched. */
function applicationRequests(stack: Stack, target: string, history: HistoryView): number | undefined {
  const found = stack.above(target).flatMap((name) => {
    const value = mean(history.series({ metric: 'uwsgi.requests', target: name, windowMs: 60_000 }));
    return value === undefined ? [] : [value];
  });
  return found.length > 0 ? found.reduce((sum, value) => sum + value, 0) : undefined;
}
