import { z } from 'zod';
import { figure } from '../../message/figures.ts';
import {
  defineCheck,
  type Evidence,
  type HistoryView,
  type InstanceView,
  type JudgeInput,
} from '../contract.ts';
import { grade } from '../judging.ts';
import { mean } from '../rate.ts';
import type { UwsgiFacts } from './facts.ts';

type Input<T> = JudgeInput<UwsgiFacts, T>;

const window = z
  .number()
  .min(10)
  .max(600)
  .default(15)
  .describe('Seconds looked back: three rounds, so that one slow request alone says nothing.');

const ResponseTime = z.object({
  warn: z
    .number()
    .positive()
    .default(1)
    .describe('Seconds; the rule of a launch: a mean above 1 s is felt by everybody.'),
  critical: z.number().positive().default(3).describe('Seconds; visitors begin to give up at about 3 s.'),
  clear: z
    .number()
    .positive()
    .default(0.8)
    .describe('Seconds; a fifth under the limit, so that it does not flap.'),
  minimumRequests: z
    .number()
    .min(0)
    .default(20)
    .describe('Requests a minute; a mean of fewer hangs on single requests.'),
  windowSeconds: window,
});

export const responseTime = defineCheck<UwsgiFacts, z.infer<typeof ResponseTime>>({
  id: 'uwsgi.response-time',
  question: 'Is the mean response time under 1 s?',
  thresholds: ResponseTime,
  needs: ['stats'],
  falseAlarm:
    'Uploads, long polling and exports answer slowly by design: give them a service of their own, or raise the limit.',
  judge(input) {
    const { thresholds } = input;
    const requests = over(input, 'uwsgi.requests', thresholds.windowSeconds);
    const busy = over(input, 'uwsgi.busy_seconds', thresholds.windowSeconds);
    if (requests === undefined || busy === undefined)
      return [thin('Two rounds are needed for a mean response time.')];
    const stuck = inFlight(input.instances).filter((row) => row.longestSeconds > thresholds.critical);
    const evidence = [byInstance(input.instances), ...flightTable(input.instances)];
    if (requests * 60 < thresholds.minimumRequests) {
      return stuck.length > 0 && stuckShare(input.instances, thresholds.critical) >= 0.5
        ? [
            {
              level: 'critical',
              summary: `Half of the workers have been on one request for more than ${figure(thresholds.critical, 's')}, and hardly any ends.`,
              value: stuck[0]?.longestSeconds ?? 0,
              unit: 's',
              threshold: thresholds.critical,
              evidence,
              advice: 'See which URL they are on and what that waits for (database, another service).',
            },
          ]
        : [thin(`Only ${figure(requests * 60, 'count')} requests a minute.`)];
    }
    const value = busy / requests;
    const { level, cleared, threshold } = grade(value, thresholds, 'above');
    return [
      {
        level,
        cleared,
        summary: `Mean response time ${figure(value, 's')} (limit ${figure(threshold, 's')}) at ${figure(requests, '/s')}.`,
        value,
        unit: 's',
        threshold,
        evidence,
        ...(level === 'ok'
          ? {}
          : { advice: 'The URLs that workers are on now, below, are where the time goes.' }),
      },
    ];
  },
});

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
    const evidence = [byInstance(instances), ...flightTable(instances)];
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
        ...(level === 'ok'
          ? {}
          : {
              advice:
                'CPU and memory to spare on these hosts: more workers. None: another server. First see whether the workers wait for a database.',
            }),
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

const Errors = z.object({
  warn: z
    .number()
    .min(0)
    .default(0.02)
    .describe('Share of requests; stock alerts begin at 2 % of failed requests.'),
  critical: z.number().min(0).default(0.05).describe('Share of requests; stock alerts call 5 % critical.'),
  clear: z.number().min(0).default(0.01).describe('Share of requests; where stock alerts end.'),
  minimumRequests: z
    .number()
    .min(0)
    .default(120)
    .describe('Requests a minute; a share of fewer says little.'),
  windowSeconds: window,
});

export const errors = defineCheck<UwsgiFacts, z.infer<typeof Errors>>({
  id: 'uwsgi.errors',
  question: 'Do workers raise exceptions or get killed?',
  thresholds: Errors,
  needs: ['stats'],
  falseAlarm: 'An exception that a visitor never sees (a client that went away) counts here as well.',
  judge(input) {
    const { instances, thresholds } = input;
    const seconds = thresholds.windowSeconds;
    const requests = over(input, 'uwsgi.requests', seconds);
    const empty = instances.filter((one) => {
      const workers = one.facts.workers ?? [];
      return workers.length > 0 && workers.every((worker) => !worker.loaded);
    });
    const killed = over(input, 'uwsgi.harakiri', seconds) ?? 0;
    const exceptions = over(input, 'uwsgi.exceptions', seconds) ?? 0;
    const evidence = [byInstance(instances)];
    if (empty.length > 0)
      return [
        {
          level: 'critical',
          certain: true,
          summary: `No worker on ${empty.map((one) => one.instance).join(', ')} has an application loaded: every request there is answered with 500.`,
          evidence,
          advice: 'Its import failed at the last start or reload: the log of uWSGI has the traceback.',
        },
      ];
    if (requests === undefined) return [thin('Two rounds are needed for a share of errors.')];
    if (killed > 0)
      return [
        {
          level: 'warn',
          summary: `uWSGI killed ${figure(killed * seconds, 'count')} requests that took longer than its harakiri time in ${seconds} s.`,
          value: killed,
          unit: '/s',
          evidence: [...evidence, ...flightTable(instances)],
          advice: 'The URLs below took too long: see what they wait for.',
        },
      ];
    if (requests * 60 < thresholds.minimumRequests)
      return [
        thin(
          `Only ${figure(requests * 60, 'count')} requests a minute; ${figure(exceptions * seconds, 'count')} exceptions in ${seconds} s.`,
        ),
      ];
    const value = Math.min(1, exceptions / requests);
    const { level, cleared, threshold } = grade(value, thresholds, 'above');
    return [
      {
        level,
        cleared,
        summary: `${figure(value, 'share')} of requests end in an exception (limit ${figure(threshold, 'share')}), ${figure(exceptions, '/s')}.`,
        value,
        unit: 'share',
        threshold,
        evidence,
        ...(level === 'ok'
          ? {}
          : {
              advice: "The application's log has the exception; errors that began with a reload point at it.",
            }),
      },
    ];
  },
});

function thin(summary: string) {
  return { level: 'ok' as const, basis: 'thin' as const, summary };
}

/** Mean over the window, all instances summed; the newest figures alone while there is no history yet. */
function over<T>(input: Input<T>, metric: string, seconds: number): number | undefined {
  const { history, target, instances } = input as { history: HistoryView } & Input<T>;
  const past = mean(history.series({ metric, target, windowMs: seconds * 1000 }));
  if (past !== undefined) return past;
  const now = instances.flatMap((one) => one.value(metric) ?? []);
  return now.length > 0 ? now.reduce((total, value) => total + value, 0) : undefined;
}

function sum(instances: readonly InstanceView<UwsgiFacts>[], metric: string): number {
  return instances.reduce((total, one) => total + (one.value(metric) ?? 0), 0);
}

function inFlight(instances: readonly InstanceView<UwsgiFacts>[]) {
  return instances
    .flatMap((one) => (one.facts.inFlight ?? []).map((row) => ({ ...row, instance: one.instance })))
    .sort((a, b) => b.longestSeconds - a.longestSeconds);
}

function stuckShare(instances: readonly InstanceView<UwsgiFacts>[], seconds: number): number {
  const workers = instances.flatMap((one) => one.facts.workers ?? []);
  const stuck = workers.filter((worker) => (worker.runningForSeconds ?? 0) > seconds);
  return workers.length > 0 ? stuck.length / workers.length : 0;
}

function byInstance(instances: readonly InstanceView<UwsgiFacts>[]): Evidence {
  return {
    kind: 'table',
    title: 'By server',
    columns: [
      { name: 'server' },
      { name: 'busy' },
      { name: 'workers' },
      { name: 'waiting' },
      { name: 'requests', unit: '/s' },
      { name: 'mean', unit: 's' },
    ],
    rows: instances.map((one) => [
      one.instance,
      one.value('uwsgi.busy_workers') ?? null,
      one.value('uwsgi.workers') ?? null,
      one.value('uwsgi.listen_queue') ?? null,
      one.value('uwsgi.requests') ?? null,
      one.value('uwsgi.mean_seconds') ?? null,
    ]),
  };
}

function flightTable(instances: readonly InstanceView<UwsgiFacts>[]): Evidence[] {
  const rows = inFlight(instances);
  if (rows.length === 0) return [];
  return [
    {
      kind: 'table',
      title: 'What workers are on now',
      columns: [{ name: 'server' }, { name: 'URL' }, { name: 'workers' }, { name: 'longest', unit: 's' }],
      rows: rows.slice(0, 8).map((row) => [row.instance, row.path, row.count, row.longestSeconds]),
    },
  ];
}
