import { performance } from 'node:perf_hooks';
import { Secret } from '../../config/secret.ts';
import { WarroomError } from '../../errors/catalogue.ts';
import { addressOf, type MemcachedClient, memcachedLink } from '../../targets/memcached-link.ts';
import type { CollectContext } from '../contract.ts';
import { pause } from '../pause.ts';

/** The server's own counters at one moment. Those that are no whole numbers are left out. */
export interface StatsSnapshot {
  readonly protocol: 'text' | 'binary';
  readonly version: string;
  readonly counters: ReadonlyMap<string, number>;
}

export interface ItemsSnapshot {
  /** Class id -> name -> value, of `stats items` and `stats slabs` together. */
  readonly classes: ReadonlyMap<number, ReadonlyMap<string, number>>;
}

export interface LatencySnapshot {
  readonly pairs: readonly LatencyPair[];
  readonly tunnelled: boolean;
  readonly protocol: 'text' | 'binary';
}

/** Milliseconds, one right after the other. */
export interface LatencyPair {
  /** Until a new connection was open: the same way, and nothing of memcached's own. */
  readonly way: number;
  /** Of a round trip of `version` on an open connection. */
  readonly roundTrip: number;
}

/** Works with a kept connection to the place's server. */
export function ask<R>(context: CollectContext, work: (client: MemcachedClient) => Promise<R>): Promise<R> {
  const { place } = context;
  const service = place.service && place.stack.service(place.service.name, 'memcached');
  const { user, password } = service?.config ?? {};
  const kind = memcachedLink(user !== undefined && password !== undefined ? { user, password } : undefined);
  return context.link(kind, sourceOf(context), work);
}

/** A connection of its own to the same server, not signed in. */
export function connect(context: CollectContext) {
  return context.target.connect(addressOf(new Secret(sourceOf(context))), { signal: context.signal });
}

function sourceOf({ place }: CollectContext): string {
  const source = place.server?.source;
  if (typeof source !== 'string')
    throw new WarroomError('NOT_FOUND', { kind: 'memcached server of', id: place.instance, hint: '' });
  return source;
}

export async function collectStats(context: CollectContext): Promise<StatsSnapshot> {
  return ask(context, async (client) => {
    const stats = await client.stats('');
    const counters = numbers(stats);
    if (!counters.has('uptime') || !counters.has('cmd_get'))
      throw new WarroomError('BAD_ANSWER', {
        target: context.target.name,
        expected: "memcached's statistics",
        problem: 'uptime or cmd_get is missing',
      });
    return { protocol: client.protocol, version: stats.get('version') ?? '', counters };
  });
}

export async function collectItems(context: CollectContext): Promise<ItemsSnapshot> {
  return ask(context, async (client) => ({
    classes: parseClasses(await client.stats('items'), await client.stats('slabs')),
  }));
}

/** `items:3:evicted` and `3:chunk_size` alike: a class, a name, a number. */
export function parseClasses(
  ...groups: readonly ReadonlyMap<string, string>[]
): Map<number, Map<string, number>> {
  const found = new Map<number, Map<string, number>>();
  for (const group of groups)
    for (const [key, value] of numbers(group)) {
      const match = /^(?:items:)?(\d{1,3}):(\w+)$/.exec(key);
      if (!match) continue;
      const id = Number(match[1]);
      const names = found.get(id) ?? new Map<string, number>();
      names.set(match[2] as string, value);
      found.set(id, names);
    }
  return found;
}

function numbers(stats: ReadonlyMap<string, string>): Map<string, number> {
  const found = new Map<string, number>();
  for (const [name, value] of stats) if (/^\d{1,20}$/.test(value)) found.set(name, Number(value));
  return found;
}

/** Spread over about 200 ms: a server that is let run for moments only would answer all of a burst in one of them. */
const PAIRS = 5;
/** Rounds of all kinds begin at the same second: their rush on this machine and on the host is let pass. */
const CALM_MS = 1200;

/**
 * How long an operation takes. memcached measures none itself. The round trip holds the network's, or the tunnel's;
 * opening a connection goes the same way and is answered by the kernel of the server's host, also when memcached hangs
 * (through SSH: a channel, whose opening sshd confirms when it is connected). So the difference is memcached's own.
 */
export async function collectLatency(context: CollectContext, calmMs = CALM_MS): Promise<LatencySnapshot> {
  await pause(calmMs, context.signal);
  return ask(context, async (client) => {
    const pairs: LatencyPair[] = [];
    for (let i = 0; i < PAIRS; i++) {
      // The ping first: a server that hangs gets no further connections.
      const roundTrip = await timed(() => client.ping());
      let stream: Awaited<ReturnType<typeof connect>> | undefined;
      const way = await timed(async () => {
        stream = await connect(context);
      });
      stream?.on('error', () => undefined);
      stream?.destroy();
      pairs.push({ way, roundTrip });
      await pause(20 + Math.random() * 40, context.signal);
    }
    const { host } = context.place;
    return { pairs, protocol: client.protocol, tunnelled: host !== undefined && !host.local };
  });
}

async function timed(work: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
