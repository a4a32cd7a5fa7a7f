import { z } from 'zod';
import { figure } from '../../../message/figures.ts';
import { defineCheck, type JudgeInput, type Verdict } from '../../contract.ts';
import { grade } from '../../judging.ts';
import { mean } from '../../rate.ts';
import { queueTable, rateTable, runningTable, waitingTable } from '../evidence.ts';
import type { CeleryFacts } from '../facts.ts';
import { type Movement, movementOf } from '../growth.ts';
import { roomFor } from './room.ts';
import { rowsOf, sum, thin } from './shared.ts';

const Backlog = z.object({
  warn: z
    .number()
    .positive()
    .default(60)
    .describe('Seconds that a new task waits for its turn; a mail that is a minute late is noticed.'),
  critical: z
    .number()
    .positive()
    .default(600)
    .describe('Seconds that a new task waits; ten minutes late, orders and mails are asked for again.'),
  clear: z.number().positive().default(30).describe('Seconds; half of the limit, so that it does not flap.'),
  minimumTasks: z
    .number()
    .min(1)
    .default(50)
    .describe('Tasks that wait; fewer are what a working queue holds, and their rates are chance.'),
  windowSeconds: z
    .number()
    .min(20)
    .max(600)
    .default(30)
    .describe('Seconds over which done tasks are counted: tasks of some seconds come in steps.'),
});
type Limits = z.infer<typeof Backlog>;
type Input = JudgeInput<CeleryFacts, Limits>;

export const backlog = defineCheck<CeleryFacts, Limits>({
  id: 'celery.backlog',
  question: 'Does the queue grow faster than workers drain it?',
  thresholds: Backlog,
  needs: ['queues'],
  falseAlarm:
    'A nightly batch that is queued at once and has hours: give it a queue of its own that is not listed here. Tasks with a countdown count as taken until they are due.',
  judge(input) {
    const { instances, history, target, thresholds } = input;
    const waiting = sum(instances, 'celery.waiting');
    if (waiting === undefined) return [thin('No queue was read yet.')];
    const windowMs = thresholds.windowSeconds * 1000;
    const movement = movementOf(history.series({ metric: 'celery.waiting', target, windowMs }));
    const done =
      mean(history.series({ metric: 'celery.done', target, windowMs })) ?? sum(instances, 'celery.done');
    const evidence = [
      ...queueTable(rowsOf(instances, 'queues')),
      ...waitingTable(rowsOf(instances, 'waiting')),
      ...runningTable(rowsOf(instances, 'running')),
      ...rateTable(rowsOf(instances, 'rates')),
    ];
    if (waiting < thresholds.minimumTasks)
      return [{ level: 'ok', summary: fewWait(waiting, input), value: waiting, unit: 'count', evidence }];
    if (
      done !== undefined &&
      done < ALMOST_NOTHING &&
      movement.perSecond !== undefined &&
      movement.perSecond >= 0
    )
      return [{ ...stuck(waiting, movement, input), evidence }];
    if (done === undefined) return [{ ...unrated(waiting, movement, thresholds), evidence }];
    const wait = done > 0 ? waiting / done : Number.POSITIVE_INFINITY;
    const judged = grade(wait, thresholds, 'above');
    const level = movement.growing && judged.level === 'ok' ? 'warn' : judged.level;
    return [
      {
        level,
        cleared: judged.cleared && !movement.growing,
        summary: `${figure(waiting, 'count')} tasks wait, ${figure(done, '/s')} are done: a new one waits ${figure(wait, 's')} (limit ${figure(judged.threshold, 's')})${trend(movement, waiting)}.`,
        value: wait,
        unit: 's',
        threshold: judged.threshold,
        evidence,
        ...(level === 'ok' ? {} : { advice: adviceFor(input) }),
      },
    ];
  },
});

/** Tasks a second: one in a hundred seconds. */
const ALMOST_NOTHING = 0.01;

function fewWait(waiting: number, { instances }: Input): string {
  const taken = sum(instances, 'celery.unacked');
  return `${figure(waiting, 'count')} tasks wait${taken === undefined ? '' : `, workers have taken ${figure(taken, 'count')}`}.`;
}

function stuck(waiting: number, movement: Movement, input: Input): Verdict {
  const answering = sum(input.instances, 'celery.workers');
  const unserved = rowsOf(input.instances, 'unserved');
  return {
    level: 'critical',
    summary: `${figure(waiting, 'count')} tasks wait and none is taken up${movement.growing ? `; ${figure(movement.perSecond, '/s')} more come` : ''}.`,
    value: waiting,
    unit: 'count',
    threshold: input.thresholds.minimumTasks,
    advice:
      answering === 0
        ? 'No worker answers: see celery.workers.'
        : unserved.length > 0
          ? `No worker consumes from ${unserved.join(', ')}: start one with -Q ${unserved.join(',')}.`
          : 'Workers answer, but begin nothing: each may be on a task that does not end. The table shows what they are on.',
  };
}

/** Without a rate of done tasks, growth alone is judged. */
function unrated(waiting: number, movement: Movement, thresholds: Limits): Verdict {
  return {
    level: movement.growing ? 'warn' : 'ok',
    cleared: false,
    ...(movement.growing ? {} : { basis: 'thin' as const }),
    summary: `${figure(waiting, 'count')} tasks wait${trend(movement, waiting)}; how many are done is not known yet.`,
    value: waiting,
    unit: 'count',
    threshold: thresholds.minimumTasks,
  };
}

function trend({ perSecond, growing }: Movement, waiting: number): string {
  if (perSecond === undefined) return '';
  if (growing) return `, and it grows by ${figure(perSecond, '/s')}`;
  return perSecond < -0.1 ? `; empty in about ${figure(waiting / -perSecond, 's')}` : '';
}

function adviceFor(input: Input): string {
  const { instances } = input;
  const unserved = rowsOf(instances, 'unserved');
  if (unserved.length > 0)
    return `No worker consumes from ${unserved.join(', ')}: start one with -Q ${unserved.join(',')}.`;
  const active = sum(instances, 'celery.active') ?? 0;
  const size = sum(instances, 'celery.pool_size') ?? 0;
  if (size > 0 && active < size / 2)
    return `Only ${active} of ${size} processes work though tasks wait: a rate limit, tasks that are over at once, or workers that consume from another queue.`;
  return roomFor(input);
}
