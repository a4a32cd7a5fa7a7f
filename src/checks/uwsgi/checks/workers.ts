import { z } from 'zod';
import { figure } from '../../../message/figures.ts';
import { defineCheck } from '../../contract.ts';
import { grade } from '../../judging.ts';
import type { UwsgiFacts } from '../facts.ts';
import { boundBy, hostTable } from './bound.ts';
import { byInstance, flightTable, over, pathTable, sum } from './shared.ts';

const Busy = z.object({
  warn: z
    .number()
    .min(0)
    .max(1)
    .default(0.8)
    .describe('Share of workers busy; above it, waiting grows steeply.'),
  critical: z
    .number()
    .min(0)
    .max(1)
    .default(0.9)
    .describe('Share of workers busy; with all busy now, requests wait.'),
  clear: z.number().min(0).max(1).default(0.7).describe('Share of workers busy; room for a burst is back.'),
  windowSeconds: z
    .number()
    .min(5)
    .max(600)
    .default(6)
    .describe('Seconds looked back: the newest round; that it lasts, the rules of incidents see to.'),
  hangingSeconds: z
    .number()
    .min(10)
    .max(600)
    .default(16)
    .describe(
      'Seconds in which every sample must find all workers busy: three rounds, so that it is no chance.',
    ),
});
const HANGING_SAMPLES = 3;

export const busy = defineCheck<UwsgiFacts, z.infer<typeof Busy>>({
  id: 'uwsgi.busy',
  question: 'Are all workers busy all the time?',
  thresholds: Busy,
  needs: ['stats'],
  falseAlarm: 'A service with one or two workers by design, or long polling that holds workers on purpose.',
  judge(input) {
    const { instances, thresholds } = input;
    const workers = sum(instances, 'uwsgi.workers');
    const now = sum(instances, 'uwsgi.busy_workers');
    const evidence = [
      byInstance(instances),
      ...hostTable(input),
      ...pathTable(instances),
      ...flightTable(instances),
    ];
    if (workers === 0)
      return [
        {
          level: 'critical',
          certain: true,
          summary: 'No worker is alive.',
          value: 0,
          unit: 'count',
          evidence,
          advice: 'The master runs without workers: its log says why they end.',
        },
      ];
    // Time is counted when a request ends. Workers that hang end none, and show in the samples alone.
    const time = over(input, 'uwsgi.busy_seconds', thresholds.windowSeconds) ?? 0;
    const samples = input.history.series({
      metric: 'uwsgi.busy_workers',
      target: input.target,
      windowMs: thresholds.hangingSeconds * 1000,
    });
    const hanging = samples.length >= HANGING_SAMPLES && samples.every((sample) => sample.value >= workers);
    const value = hanging ? 1 : Math.min(1, time / workers);
    const all = now >= workers;
    const judged = grade(value, thresholds, 'above');
    const level = judged.level === 'critical' && !all ? 'warn' : judged.level;
    const room =
      level === 'ok' ? '' : `; ${figure(value, 'share')} of their time over ${thresholds.windowSeconds} s`;
    return [
      {
        ...judged,
        level,
        summary: `${now} of ${workers} workers busy${room} (limit ${figure(judged.threshold, 'share')}).`,
        value,
        unit: 'share',
        evidence,
        ...(level === 'ok' ? {} : { advice: boundBy(input) }),
      },
    ];
  },
});

const Queue = z.object({
  warn: z.number().min(0).default(0).describe('Requests waiting; every one above 0 waits for a worker.'),
  critical: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe('Share of the listen queue that is full; a full one refuses connections.'),
  windowSeconds: z
    .number()
    .min(5)
    .default(15)
    .describe('Seconds looked back: a burst that is gone after a round is none.'),
});

export const queue = defineCheck<UwsgiFacts, z.infer<typeof Queue>>({
  id: 'uwsgi.queue',
  question: 'Is the listen queue growing?',
  thresholds: Queue,
  needs: ['stats'],
  falseAlarm: 'A reload makes requests wait for the seconds that it takes.',
  judge({ instances, thresholds, history, target }) {
    const waiting = sum(instances, 'uwsgi.listen_queue');
    const fullest = Math.max(
      0,
      ...instances.map((one) => {
        const max = one.value('uwsgi.listen_queue_max') ?? 0;
        return max > 0 ? Math.min(1, (one.value('uwsgi.listen_queue') ?? 0) / max) : 0;
      }),
    );
    const points = history.series({
      metric: 'uwsgi.listen_queue',
      target,
      windowMs: thresholds.windowSeconds * 1000,
    });
    const steady = points.length >= 2 && points.every((point) => point.value > thresholds.warn);
    const full = fullest >= thresholds.critical && fullest > 0;
    const level = full
      ? 'critical'
      : waiting > thresholds.warn && (steady || points.length < 2)
        ? 'warn'
        : 'ok';
    return [
      {
        level,
        cleared: waiting <= thresholds.warn,
        summary: `${figure(waiting, 'count')} requests wait for a worker (limit ${figure(thresholds.warn, 'count')})${full ? `; the queue of one server is ${figure(fullest, 'share')} full` : ''}.`,
        value: waiting,
        unit: 'count',
        threshold: thresholds.warn,
        evidence: [byInstance(instances)],
        ...(level === 'ok' ? {} : { advice: 'Workers are the bottleneck: see uwsgi.busy for why.' }),
      },
    ];
  },
});
