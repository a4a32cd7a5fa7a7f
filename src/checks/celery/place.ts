import type { ServiceOf } from '../../config/schema.ts';
import type { Stack } from '../../config/stack.ts';
import { WarroomError } from '../../errors/catalogue.ts';
import type { Broker, Listener } from '../../targets/celery/contract.ts';
import { brokerLink, eventsLink } from '../../targets/celery/links.ts';
import type { CollectContext, Place } from '../contract.ts';

export function configOf({ place }: { readonly place: Place }): ServiceOf<'celery'> {
  const config = place.service && place.stack.service(place.service.name, 'celery')?.config;
  if (!config) throw new TypeError(`${place.target} is no celery service`);
  return config;
}

/** Works with the kept client of the service's broker. */
export function withBroker<R>(context: CollectContext, work: (broker: Broker) => Promise<R>): Promise<R> {
  const config = configOf(context);
  return context.link(brokerLink(config.keyPrefix), config.broker, work);
}

/** Works with a kept listener, which hears on between its uses. The schedule's and that of looks are two. */
export function withListener<R>(
  context: CollectContext,
  whose: 'schedule' | 'look',
  work: (listener: Listener) => Promise<R>,
): Promise<R> {
  const config = configOf(context);
  return context.link(eventsLink(config.keyPrefix, whose), config.broker, work);
}

/** The host of the config that a node is named after: celery@worker1, celery@worker1.example.com, mail@10.0.0.31. */
export function hostOfNode(node: string, stack: Stack): string | undefined {
  const host = node.slice(node.indexOf('@') + 1);
  const short = host.split('.')[0] ?? host;
  if (stack.hosts.has(host)) return host;
  const byAddress = [...stack.hosts.values()].find((one) => !one.local && one.address === host);
  return byAddress?.name ?? (stack.hosts.has(short) ? short : undefined);
}

/** Workers that are remembered; more than any launch has. */
const MOST_KNOWN = 500;
/** A worker that was away that long has been taken away. */
const FORGET_MS = 3_600_000;

/** Workers that answered once, by name, with when they did last. It outlives rounds that failed. */
export class Known {
  readonly #seen = new Map<string, number>();

  note(nodes: Iterable<string>, at: number): void {
    for (const node of nodes) {
      this.#seen.delete(node);
      this.#seen.set(node, at);
    }
    for (const [node, seen] of this.#seen)
      if (at - seen > FORGET_MS || this.#seen.size > MOST_KNOWN) this.#seen.delete(node);
  }

  get nodes(): ReadonlyMap<string, number> {
    return this.#seen;
  }

  /** Those that answered in the newest round in which anybody did. */
  get awake(): string[] {
    const newest = Math.max(0, ...this.#seen.values());
    return [...this.#seen].filter(([, at]) => at === newest).map(([node]) => node);
  }
}

const remembered = new WeakMap<Stack, Map<string, Known>>();

/** What is remembered of a service's workers, as long as its stack is watched. */
export function knownAt({ stack, target }: Place): Known {
  const services = remembered.get(stack) ?? new Map<string, Known>();
  remembered.set(stack, services);
  const known = services.get(target) ?? new Known();
  services.set(target, known);
  return known;
}

/** A view that takes no words. */
export function noWords(view: string, args: readonly string[]): void {
  if (args.length === 0) return;
  throw new WarroomError('BAD_ARGUMENT', {
    command: `celery ${view}`.trim(),
    problem: `it takes no "${args.join(' ')}".`,
  });
}
