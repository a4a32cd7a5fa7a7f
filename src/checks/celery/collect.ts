import type { Depths } from '../../targets/celery/contract.ts';
import { active, activeQueues, type Options, ping, type Stats, stats } from '../../targets/celery/control.ts';
import { type ManagedQueue, managementLink } from '../../targets/celery/management.ts';
import type { CollectContext } from '../contract.ts';
import { plain } from '../rate.ts';
import { configOf, knownAt, withBroker } from './place.ts';

export interface WorkersSnapshot {
  /** Milliseconds to the answer, by node. */
  readonly answered: ReadonlyMap<string, number>;
  readonly silent: number | undefined;
  readonly twice: readonly string[];
  /** When each worker that is known answered last, UTC ms; those of this round included. */
  readonly known: ReadonlyMap<string, number>;
  /** Whether a worker that did not answer listens, where the broker can be asked that. */
  readonly listening: ReadonlyMap<string, boolean>;
}

/** Most workers that are asked after one by one in a round. */
const MOST_ASKED_AFTER = 8;
const PING_MS = 1000;

/** One ping to all. Over Redis the broker says how many should have answered; over RabbitMQ it is asked after each. */
export async function collectWorkers(context: CollectContext): Promise<WorkersSnapshot> {
  const known = knownAt(context.place);
  return withBroker(context, async (broker) => {
    const pong = await ping(broker, { waitMs: PING_MS, expecting: known.awake });
    const answered = new Map([...pong.answers.keys()].map((node) => [node, pong.times.get(node) ?? 0]));
    const missing = [...known.nodes.keys()].filter((node) => !answered.has(node));
    const listening = new Map<string, boolean>();
    if (pong.silent === undefined)
      for (const node of missing.slice(-MOST_ASKED_AFTER)) {
        const listens = await broker.listens(node);
        if (listens !== undefined) listening.set(node, listens);
      }
    known.note(answered.keys(), Date.now());
    return { answered, silent: pong.silent, twice: pong.twice, known: new Map(known.nodes), listening };
  });
}

export interface QueuesSnapshot extends Depths {
  /** RabbitMQ's own counts, by queue, where the config names its management API. */
  readonly managed: ReadonlyMap<string, ManagedQueue>;
}

export async function collectQueues(context: CollectContext): Promise<QueuesSnapshot> {
  const { queues, management } = configOf(context);
  const { depths, vhost } = await withBroker(context, async (broker) => ({
    depths: await broker.depths(queues),
    vhost: broker.vhost,
  }));
  const managed = new Map<string, ManagedQueue>();
  if (management !== undefined && vhost !== undefined)
    await context.link(managementLink, management, async (api) => {
      for (const queue of queues) {
        const told = await api.queue(vhost, queue, context.signal);
        if (told) managed.set(queue, told);
      }
    });
  return { ...depths, managed };
}

export interface RunningTask {
  readonly task: string;
  /** UTC milliseconds of the worker's clock; null before it began. */
  readonly startedAt: number | null;
}

export interface StatsSnapshot {
  readonly stats: ReadonlyMap<string, Stats>;
  readonly running: ReadonlyMap<string, readonly RunningTask[]>;
}

/** What workers have done and do now; nobody waits for those that did not answer the last ping. */
export async function collectStats(context: CollectContext): Promise<StatsSnapshot> {
  const options = awake(context);
  return withBroker(context, async (broker) => {
    const told = await stats(broker, options);
    const busy = await active(broker, options);
    return {
      stats: told.answers,
      running: new Map(
        [...busy.answers].map(([node, tasks]) => [
          node,
          tasks.map((task) => ({
            task: plain(task.name),
            startedAt: typeof task.time_start === 'number' ? task.time_start * 1000 : null,
          })),
        ]),
      ),
    };
  });
}

export interface Head {
  readonly task: string;
  readonly sentAt: number | undefined;
}

export interface LookSnapshot {
  /** The oldest messages of each queue. */
  readonly heads: ReadonlyMap<string, readonly Head[]>;
  /** Queues that each worker consumes from. */
  readonly served: ReadonlyMap<string, readonly string[]>;
}

const MOST_PEEKED = 50;

export async function collectLook(context: CollectContext): Promise<LookSnapshot> {
  const { queues } = configOf(context);
  const options = awake(context);
  return withBroker(context, async (broker) => {
    const told = await activeQueues(broker, options);
    const heads = new Map<string, Head[]>();
    for (const queue of queues) {
      const waiting = await broker.peek(queue, MOST_PEEKED);
      heads.set(
        queue,
        waiting.map(({ task, sentAt, eta }) => ({ task: plain(task), sentAt: sentAt ?? past(eta) })),
      );
    }
    const served = new Map([...told.answers].map(([node, list]) => [node, list.map(({ name }) => name)]));
    return { heads, served };
  });
}

/** A task that was to start at a time has waited since then at least. */
function past(eta: number | undefined): number | undefined {
  return eta !== undefined && eta <= Date.now() ? eta : undefined;
}

function awake({ place }: CollectContext): Options {
  const known = knownAt(place);
  const nodes = known.awake;
  // With somebody silent, only the others are asked; else all, newcomers too.
  return nodes.length > 0 && nodes.length < known.nodes.size ? { nodes } : { expecting: nodes };
}
