import { z } from 'zod';
import { figure } from '../../../message/figures.ts';
import { defineCheck, type Evidence, type InstanceView, type JudgeInput } from '../../contract.ts';
import { grade } from '../../judging.ts';
import type { ThreadLimit, VarnishFacts } from '../facts.ts';
import { over } from './shared.ts';

const Threads = z.object({
  warn: z
    .number()
    .min(0)
    .max(1)
    .default(0.8)
    .describe('Share of the threads that may be; a burst of a fifth more is what a launch brings.'),
  critical: z
    .number()
    .min(0)
    .max(1)
    .default(0.95)
    .describe('Share of the threads that may be; the next visitors wait for one.'),
  clear: z.number().min(0).max(1).default(0.7).describe('Share of the threads; room for a burst is back.'),
  droppedWarn: z
    .number()
    .min(0)
    .default(0)
    .describe('Connections and requests a second that were thrown away; each is a visitor with an error.'),
  windowSeconds: z
    .number()
    .min(10)
    .max(600)
    .default(16)
    .describe(
      'Seconds looked back: a pool that grows makes a request wait for a moment; three rounds are none.',
    ),
});
type Threads = z.infer<typeof Threads>;
type Input = JudgeInput<VarnishFacts, Threads>;

/** varnishd's own default of thread_pool_max, and of thread_pools. */
const DEFAULT_LIMIT: ThreadLimit = { perPool: 5000, source: 'default' };
const DEFAULT_POOLS = 2;
const WAITING_SAMPLES = 2;
/** An idle thread ends after thread_pool_timeout, 300 s by default. */
const GROWN_MS = 600_000;

export const threads = defineCheck<VarnishFacts, Threads>({
  id: 'varnish.threads',
  question: 'Does Varnish run out of threads?',
  thresholds: Threads,
  needs: ['stat'],
  falseAlarm:
    'thread_pool_max changed by hand while Warroom may not read it: then the share is of the old limit, until varnishd itself says that it met the new one.',
  judge(input) {
    const { instances, thresholds } = input;
    const rate = (metric: string) => over(input, metric, thresholds.windowSeconds) ?? 0;
    const rows = instances.map((one) => ({ instance: one.instance, ...useOf(one, input) }));
    const fullest = [...rows].sort((a, b) => b.share - a.share)[0];
    if (!fullest) return [{ level: 'unknown', cleared: false, summary: 'No thread was counted.' }];
    const dropped = rate('varnish.sessions_dropped') + rate('varnish.requests_dropped');
    const failed = rate('varnish.threads_failed');
    const waiting = input.history.series({
      metric: 'varnish.thread_queue',
      target: input.target,
      windowMs: thresholds.windowSeconds * 1000,
    });
    const queue = waiting.at(-1)?.value ?? 0;
    const steady = waiting.length >= WAITING_SAMPLES && waiting.every((point) => point.value > 0);
    const judged = grade(fullest.share, thresholds, 'above');
    const refuses = dropped > thresholds.droppedWarn;
    const waits = queue > 0 || rate('varnish.sessions_queued') > 0 || rate('varnish.threads_limited') > 0;
    // Pools may be set to be full from the start: only what had to grow, or has somebody waiting, says something.
    const used = waits || fullest.grown ? judged : { ...judged, level: 'ok' as const, cleared: true };
    const level = refuses
      ? 'critical'
      : used.level === 'ok'
        ? steady || failed > 0
          ? 'warn'
          : 'ok'
        : waits
          ? used.level
          : 'warn';
    const words = [
      `${figure(fullest.threads, 'count')} of ${figure(fullest.most, 'count')} threads are in being on ${fullest.instance} (limit ${figure(used.threshold, 'share')})`,
      ...(queue > 0 ? [`${figure(queue, 'count')} requests wait for one`] : ['none waits for one']),
      ...(refuses ? [`${figure(dropped, '/s')} are thrown away`] : []),
      ...(failed > 0 ? [`${figure(failed, '/s')} threads could not be made`] : []),
    ];
    return [
      {
        level,
        cleared: used.cleared && queue === 0 && !refuses && failed === 0,
        summary: `${words.join('; ')}.`,
        value: fullest.share,
        unit: 'share',
        threshold: used.threshold,
        ...(level === 'ok' ? {} : { evidence: evidence(rows, input), advice: advice(failed) }),
      },
    ];
  },
});

function useOf(one: InstanceView<VarnishFacts>, input: Input) {
  const threads = one.value('varnish.threads') ?? 0;
  const pools = one.value('varnish.thread_pools') ?? DEFAULT_POOLS;
  const said = one.facts.threadLimit ?? DEFAULT_LIMIT;
  // What was set at run time only shows when it is met: then the threads that there are, are all.
  const series = { target: input.target, instance: one.instance };
  const windowMs = input.thresholds.windowSeconds * 1000;
  const met = input.history
    .series({ ...series, metric: 'varnish.threads_limited', windowMs })
    .some((point) => point.value > 0);
  const most = met ? threads : said.perPool * pools;
  return {
    threads,
    pools,
    most,
    share: most > 0 ? Math.min(1, threads / most) : 0,
    source: met ? 'its limit was met' : said.source,
    queue: one.value('varnish.thread_queue') ?? 0,
    grown: input.history
      .series({ ...series, metric: 'varnish.threads', windowMs: GROWN_MS })
      .some((point) => point.value < threads),
  };
}

function evidence(
  rows: readonly (ReturnType<typeof useOf> & { readonly instance: string })[],
  input: Input,
): Evidence[] {
  const rate = (metric: string) => over(input, metric, input.thresholds.windowSeconds) ?? 0;
  return [
    {
      kind: 'table',
      title: 'Threads by server',
      columns: [
        { name: 'server' },
        { name: 'threads' },
        { name: 'at most' },
        { name: 'pools' },
        { name: 'waiting' },
        { name: 'limit known from' },
      ],
      rows: rows.map((row) => [row.instance, row.threads, row.most, row.pools, row.queue, row.source]),
    },
    {
      kind: 'figures',
      rows: [
        { name: 'requests that had to wait', value: rate('varnish.sessions_queued'), unit: '/s' },
        { name: 'connections thrown away', value: rate('varnish.sessions_dropped'), unit: '/s' },
        { name: 'requests thrown away', value: rate('varnish.requests_dropped'), unit: '/s' },
        { name: 'times that the limit was met', value: rate('varnish.threads_limited'), unit: '/s' },
      ],
    },
  ];
}

function advice(failed: number): string {
  return failed > 0
    ? 'The system refuses new threads: look at the limits of the unit (TasksMax) and at the memory of the host.'
    : 'A thread is held for as long as a request lasts: see first whether the backend is slow. If it is not:  varnishadm param.set thread_pool_max 5000  (and into the unit, as -p thread_pool_max=5000).';
}
