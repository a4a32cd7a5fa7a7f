import { z } from 'zod';
import { figure, lasted } from '../../../message/figures.ts';
import { defineCheck, type Evidence, type Verdict } from '../../contract.ts';
import { grade } from '../../judging.ts';
import { endedTable, failureTable, rateTable } from '../evidence.ts';
import type { CeleryFacts, EndedRow, EventsFacts, FailureRow } from '../facts.ts';
import { factsOf, rowsOf, sum, thin } from './shared.ts';

const Failures = z.object({
  warn: z
    .number()
    .min(0)
    .max(1)
    .default(0.02)
    .describe('Share of ended tasks; stock alerts for requests begin at 2 % as well.'),
  critical: z
    .number()
    .min(0)
    .max(1)
    .default(0.2)
    .describe('Share of ended tasks; one in five failing is a broken release or a missing service.'),
  clear: z.number().min(0).max(1).default(0.01).describe('Share of ended tasks; where stock alerts end.'),
  minimumTasks: z
    .number()
    .min(1)
    .default(20)
    .describe('Tasks that ended in a minute; a share of fewer hangs on single ones.'),
  oneTask: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe('Share of one task’s own runs: a rare task that always fails hides in the mean of all.'),
  minimumOfOneTask: z
    .number()
    .min(1)
    .default(5)
    .describe('Runs of one task in a minute from which its own share is looked at.'),
});

const WITHOUT =
  'Start the workers with -E, or set worker_send_task_events = True; until then: celery -A APP control enable_events.';

export const failures = defineCheck<CeleryFacts, z.infer<typeof Failures>>({
  id: 'celery.failures',
  question: 'Do all tasks succeed?',
  thresholds: Failures,
  needs: ['events'],
  falseAlarm:
    'Tasks that raise on purpose in order to end. A retry is counted apart and is no failure until the last one fails.',
  judge({ instances, thresholds }) {
    const events = factsOf(instances, 'events');
    const deaf = deafTo(instances, events);
    const note: Evidence[] =
      deaf.length > 0
        ? [{ kind: 'note', text: `No task events from ${deaf.join(', ')}: not counted. ${WITHOUT}` }]
        : [];
    const rows = events.flatMap((one) => one.ended);
    const failed = rows.reduce((all, row) => all + row.failed, 0);
    const ended = failed + rows.reduce((all, row) => all + row.succeeded, 0);
    const seconds = Math.max(0, ...events.map((one) => one.seconds));
    const kinds = events.flatMap((one) => one.failures);
    const evidence = [...failureTable(kinds), ...endedTable(rows), ...note];
    if (ended === 0 && deaf.length > 0) return [unheard(deaf, instances)];
    const worst = rows
      .filter((row) => row.failed + row.succeeded >= thresholds.minimumOfOneTask)
      .sort((a, b) => ownShare(b) - ownShare(a))[0];
    const alone = worst !== undefined && ownShare(worst) >= thresholds.oneTask;
    if (ended < thresholds.minimumTasks && !alone)
      return [
        {
          ...thin(
            ended === 0
              ? seconds < 1
                ? 'It has only just begun to listen.'
                : `No task ended in the last ${lasted(seconds * 1000)}.`
              : `Only ${ended} tasks ended in the last ${lasted(seconds * 1000)}, ${failed} of them failed.`,
          ),
          evidence,
        },
      ];
    const value = failed / ended;
    const judged = grade(value, thresholds, 'above');
    const level = judged.level === 'ok' && alone ? 'warn' : judged.level;
    const verdict: Verdict = {
      ...judged,
      level,
      cleared: judged.cleared && !alone,
      summary:
        alone && judged.level === 'ok' ? oneFails(worst) : share(value, judged.threshold, failed, ended),
      value,
      unit: 'share',
      evidence,
    };
    return [level === 'ok' ? verdict : { ...verdict, advice: adviceFor(kinds) }];
  },
});

/** Workers that take up tasks and tell nothing of them. */
function deafTo(instances: Parameters<typeof rowsOf>[0], events: readonly EventsFacts[]): string[] {
  const tellers = new Set(events.flatMap((one) => one.tellers));
  const seconds = Math.max(0, ...events.map((one) => one.seconds));
  // Events come in bundles: a moment of listening says nothing.
  if (seconds < LISTENED_S || events.some((one) => one.paused)) return [];
  return rowsOf(instances, 'pools')
    .filter((pool) => (pool.perSecond ?? 0) > 0 && !tellers.has(pool.node))
    .map((pool) => pool.node);
}
const LISTENED_S = 15;

function unheard(deaf: readonly string[], instances: Parameters<typeof rowsOf>[0]): Verdict {
  const done = sum(instances, 'celery.done');
  return {
    ...thin(
      `Failures are not known: ${deaf.join(', ')} ${deaf.length === 1 ? 'sends' : 'send'} no task events${done === undefined ? '' : ` (${figure(done, '/s')} taken up)`}.`,
      WITHOUT,
    ),
    evidence: rateTable(rowsOf(instances, 'rates')),
  };
}

function ownShare(row: EndedRow): number {
  return row.failed / (row.failed + row.succeeded);
}

function share(value: number, threshold: number, failed: number, ended: number): string {
  return `${figure(value, 'share')} of tasks fail (limit ${figure(threshold, 'share')}): ${failed} of ${ended}.`;
}

function oneFails(row: EndedRow): string {
  return `${row.task} fails ${row.failed} times of ${row.failed + row.succeeded}.`;
}

function adviceFor(kinds: readonly FailureRow[]): string {
  const [first] = kinds;
  if (!first) return "The workers' log has the tracebacks.";
  const name = /^[\w.]+/.exec(first.exception)?.[0] ?? 'an exception';
  const where = first.where === '' ? '' : `, in ${first.where}`;
  return `Most often ${first.task} raises ${name}${where}. Did it begin with a deploy? Failed tasks do not run again by themselves.`;
}
