import { z } from 'zod';
import type { Asked, Broker, Question } from './contract.ts';

/** Celery's remote control, typed: what each method answers (celery/worker/control.py). */

export interface Answers<T> {
  /** By node. */
  readonly answers: ReadonlyMap<string, T>;
  /** Milliseconds from the question to the answer, by node. */
  readonly times: ReadonlyMap<string, number>;
  /** What a worker said instead: it cannot, it does not know the method, or its answer has another form. */
  readonly errors: ReadonlyMap<string, string>;
  /** Workers that were listening; undefined where the broker does not say. */
  readonly subscribed: number | undefined;
  /** Listening, and without an answer in time; undefined where the broker does not say. */
  readonly silent: number | undefined;
  /** Names that more than one worker goes by. */
  readonly twice: readonly string[];
}

export type Options = Pick<Question, 'nodes' | 'waitMs' | 'expecting'>;

const count = z.number().min(0).catch(0);
const text = z.string().catch('');
const Failed = z.object({ error: z.unknown() });

const Pong = z.object({ ok: z.literal('pong') });
const Done = z.object({ ok: z.unknown() }).transform(({ ok }) => String(ok));

/** Of a running, reserved or scheduled task; its arguments are left where they are. */
const Task = z.object({
  id: text,
  name: text,
  type: text,
  time_start: z.number().nullish().catch(null),
  worker_pid: z.number().nullish().catch(null),
  acknowledged: z.boolean().catch(false),
  delivery_info: z.object({ routing_key: text }).catch({ routing_key: '' }),
});
export type Task = z.infer<typeof Task>;
const Tasks = z.array(Task);
const Scheduled = z.array(z.object({ eta: z.string().nullish(), priority: count, request: Task }));
export type Scheduled = z.infer<typeof Scheduled>[number];

const Pool = z.object({
  implementation: text,
  'max-concurrency': count,
  processes: z.array(z.number()).catch([]),
});
const Stats = z.object({
  /** Tasks taken up since the worker started, by name. */
  total: z.record(z.string(), z.number()).catch({}),
  pid: count,
  uptime: count.optional(),
  prefetch_count: count,
  pool: Pool.catch({ implementation: '', 'max-concurrency': 0, processes: [] }),
  autoscaler: z.object({ max: count, min: count }).optional().catch(undefined),
  rusage: z.object({ maxrss: count }).optional().catch(undefined),
});
export type Stats = z.infer<typeof Stats>;

const Queue = z.object({ name: z.string(), routing_key: text });
export type ActiveQueue = z.infer<typeof Queue>;

export const ping = (broker: Broker, options?: Options) => ask(broker, 'ping', Pong, {}, options);
export const stats = (broker: Broker, options?: Options) => ask(broker, 'stats', Stats, {}, options);
export const active = (broker: Broker, options?: Options) => ask(broker, 'active', Tasks, {}, options);
export const reserved = (broker: Broker, options?: Options) => ask(broker, 'reserved', Tasks, {}, options);
export const scheduled = (broker: Broker, options?: Options) =>
  ask(broker, 'scheduled', Scheduled, {}, options);
export const revoked = (broker: Broker, options?: Options) =>
  ask(broker, 'revoked', z.array(z.string()), {}, options);
export const registered = (broker: Broker, options?: Options) =>
  ask(broker, 'registered', z.array(z.string()), {}, options);
export const activeQueues = (broker: Broker, options?: Options) =>
  ask(broker, 'active_queues', z.array(Queue), {}, options);
export const conf = (broker: Broker, options?: Options) =>
  ask(broker, 'conf', z.record(z.string(), z.unknown()), { with_defaults: false }, options);
/** `active`, `reserved` or `ready` with the task, by id; ids that a worker does not know are left out. */
export const queryTask = (broker: Broker, ids: readonly string[], options?: Options) =>
  ask(broker, 'query_task', z.record(z.string(), z.tuple([z.string(), Task])), { ids }, options);

/** What changes workers. Each gives the worker's own words, by node; a refusal is in `errors`. */
export const control = {
  poolGrow: (broker: Broker, n: number, options?: Options) => ask(broker, 'pool_grow', Done, { n }, options),
  poolShrink: (broker: Broker, n: number, options?: Options) =>
    ask(broker, 'pool_shrink', Done, { n }, options),
  autoscale: (broker: Broker, limits: { readonly max: number; readonly min: number }, options?: Options) =>
    ask(broker, 'autoscale', Done, limits, options),
  /** "10/s", "100/m"; "0" takes the limit away. */
  rateLimit: (broker: Broker, task: string, rate: string, options?: Options) =>
    ask(broker, 'rate_limit', Done, { task_name: task, rate_limit: rate }, options),
  /** Seconds; null takes a limit away. */
  timeLimit: (
    broker: Broker,
    task: string,
    limits: { readonly soft: number | null; readonly hard: number | null },
    options?: Options,
  ) => ask(broker, 'time_limit', Done, { task_name: task, ...limits }, options),
  addConsumer: (broker: Broker, queue: string, options?: Options) =>
    ask(broker, 'add_consumer', Done, { queue }, options),
  cancelConsumer: (broker: Broker, queue: string, options?: Options) =>
    ask(broker, 'cancel_consumer', Done, { queue }, options),
  revoke: (
    broker: Broker,
    ids: readonly string[],
    how: { readonly terminate?: boolean; readonly signal?: string } = {},
    options?: Options,
  ) => ask(broker, 'revoke', Done, { task_id: ids, ...how }, options),
  enableEvents: (broker: Broker, options?: Options) => ask(broker, 'enable_events', Done, {}, options),
  disableEvents: (broker: Broker, options?: Options) => ask(broker, 'disable_events', Done, {}, options),
} as const;

async function ask<T>(
  broker: Broker,
  method: string,
  form: z.ZodType<T>,
  args: Readonly<Record<string, unknown>>,
  options: Options = {},
): Promise<Answers<T>> {
  return sorted(await broker.ask({ method, arguments: args, ...options }), form, options.nodes?.length);
}

/** Pure: well-formed answers from refusals. */
export function sorted<T>(asked: Asked, form: z.ZodType<T>, wanted?: number): Answers<T> {
  const answers = new Map<string, T>();
  const errors = new Map<string, string>();
  const times = new Map<string, number>();
  const twice = new Set<string>();
  for (const { node, value, ms } of asked.answers) {
    if (times.has(node)) twice.add(node);
    times.set(node, ms);
    const good = form.safeParse(value);
    const failed = Failed.safeParse(value);
    if (good.success) answers.set(node, good.data);
    else if (failed.success && 'error' in (value as object)) errors.set(node, words(failed.data.error));
    else errors.set(node, 'an answer of unknown form');
  }
  const listening =
    asked.subscribed === undefined ? undefined : Math.min(asked.subscribed, wanted ?? Infinity);
  return {
    answers,
    times,
    errors,
    subscribed: asked.subscribed,
    silent: listening === undefined ? undefined : Math.max(0, listening - asked.answers.length),
    twice: [...twice],
  };
}

/** `ValueError('Autoscale not enabled')` -> "Autoscale not enabled". */
function words(error: unknown): string {
  const said = typeof error === 'string' ? error : JSON.stringify(error);
  return (/^\w+\((['"])(.*)\1,?\)$/s.exec(said)?.[2] ?? said).slice(0, 300);
}
