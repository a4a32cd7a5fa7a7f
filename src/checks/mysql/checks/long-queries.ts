import { z } from 'zod';
import { figure } from '../../../message/figures.ts';
import { defineCheck, type Verdict } from '../../contract.ts';
import { grade } from '../../judging.ts';
import { isWorking } from '../collect.ts';
import type { MysqlFacts, SessionRow } from '../facts.ts';
import { client, couldNotLook, each, type Instance, planTable, sessionTable, short } from './shared.ts';

const Thresholds = z.object({
  warn: z
    .number()
    .min(0)
    .default(1)
    .describe("Seconds that a query runs; a launch's own rule: no visitor waits longer."),
  critical: z.number().min(0).default(30).describe('Seconds; what waits for it has timed out by then.'),
  clear: z.number().min(0).default(1).describe('Seconds; none may run longer than the limit.'),
});
type Thresholds = z.infer<typeof Thresholds>;

export const longQueries = defineCheck<MysqlFacts, Thresholds>({
  id: 'mysql.long-queries',
  question: 'Does a query run over 1 s?',
  thresholds: Thresholds,
  needs: ['activity'],
  falseAlarm: 'Reports, backups and ALTER TABLE that were announced: raise the limits for their database.',
  judge: (input) => each(input, (instance) => judged(instance, input.thresholds)),
});

function judged({ facts }: Instance, thresholds: Thresholds): Verdict {
  if (!facts.sessions) return couldNotLook('the process list was not read.');
  const working = facts.sessions.filter(isWorking).sort((a, b) => b.seconds - a.seconds);
  const long = working.filter((one) => one.seconds > thresholds.warn);
  const worst = working[0];
  if (!worst)
    return {
      level: 'ok',
      summary: 'No query runs at this moment.',
      value: 0,
      unit: 's',
      threshold: thresholds.warn,
    };
  const { level, cleared, threshold } = grade(worst.seconds, thresholds, 'above');
  if (level === 'ok')
    return {
      level,
      cleared,
      summary: `The longest of ${working.length} running queries runs for ${figure(worst.seconds, 's')} (limit ${figure(threshold, 's')}).`,
      value: worst.seconds,
      unit: 's',
      threshold,
    };
  const root = (facts.roots ?? []).find((one) => one.waiters.includes(worst.id));
  const explained = (facts.longQueries ?? []).find((one) => one.id === worst.id);
  const plan = explained?.plan ?? [];
  const scanned = plan.find((step) => step.access === 'ALL' && (step.rows ?? 0) >= 1000);
  const why = root
    ? ` It waits for a lock${root.id === undefined ? '' : ` of session ${root.id}`}.`
    : scanned
      ? ` It reads all ${figure(scanned.rows, 'count')} rows of ${scanned.table}.`
      : '';
  return {
    level,
    cleared,
    summary: `${long.length === 1 ? 'One query runs' : `${long.length} queries run`} over ${figure(thresholds.warn, 's')}; the longest for ${figure(worst.seconds, 's')} (limit ${figure(threshold, 's')}) by ${client(worst)}: ${short(worst.query)}.${why}`,
    value: worst.seconds,
    unit: 's',
    threshold,
    evidence: [
      sessionTable('Long queries', long),
      ...rootEvidence(facts, root?.id),
      ...planTable(`Plan of ${worst.id}`, plan),
      ...(explained?.problem && !root
        ? [{ kind: 'note' as const, text: `No plan: ${explained.problem}` }]
        : []),
    ],
    advice: root
      ? `Its root comes first: ${root.id === undefined ? 'see mysql locks' : `KILL ${root.id} frees ${root.waiters.length} who wait`}.`
      : `See its plan for rows read without an index. If nobody needs its answer: KILL QUERY ${worst.id}; a big write rolls back for as long as it ran.`,
  };
}

function rootEvidence(facts: Partial<MysqlFacts>, id: number | undefined) {
  const root: SessionRow | undefined = facts.sessions?.find((one) => one.id === id);
  return root ? [sessionTable('Root blocker', [root])] : [];
}
