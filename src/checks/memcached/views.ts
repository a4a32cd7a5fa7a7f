import { WarroomError } from '../../errors/catalogue.ts';
import { Refusal } from '../../targets/memcached-text.ts';
import type { CollectContext, Evidence, InstanceView, Measured, Timed, View } from '../contract.ts';
import { pause } from '../pause.ts';
import { classTable, prefixTables, serverTable } from './checks/shared.ts';
import { collectItems, collectLatency, collectStats } from './collect.ts';
import type { MemcachedFacts } from './facts.ts';
import { collectFetches, watchFetches } from './fetches.ts';
import { measureItems, measureLatency, measureStats } from './measure.ts';
import { measureFetches, ofWindows } from './measure-fetches.ts';

const LOOK_MS = 1000;
/** `memcached prefixes` looks longer than the schedule does. */
const LONG_LOOK_MS = 3000;
const MOST_CLASSES = 25;

function viewOf(
  instance: string,
  ...measured: readonly Measured<MemcachedFacts>[]
): InstanceView<MemcachedFacts> {
  const readings = measured.flatMap((one) => one.readings);
  return {
    instance,
    at: Date.now(),
    readings,
    facts: Object.assign({}, ...measured.map((one) => one.facts)) as Partial<MemcachedFacts>,
    value: (metric) => readings.find((one) => one.metric === metric)?.value,
    all: (metric) => readings.filter((one) => one.metric === metric),
  };
}

async function twice<S>(
  context: CollectContext,
  collect: (context: CollectContext) => Promise<S>,
): Promise<[Timed<S>, Timed<S>]> {
  const first = { snapshot: await collect(context), at: Date.now() };
  await pause(LOOK_MS, context.signal);
  return [first, { snapshot: await collect(context), at: Date.now() }];
}

function noWords(name: string, words: readonly string[]): void {
  if (words.length > 0)
    throw new WarroomError('BAD_ARGUMENT', {
      command: `memcached ${name}`.trim(),
      problem: 'it takes nothing more than the name of a server',
    });
}

const overview: View = {
  name: '',
  summary: 'Hits, connections, time, evictions, traffic and memory, as memcache-top shows them',
  async show(context, words) {
    noWords('', words);
    const latency = { snapshot: await collectLatency(context, 0), at: Date.now() };
    const stats = measureStats(...(await twice(context, collectStats)));
    return [serverTable([viewOf(context.place.instance, stats, measureLatency(undefined, latency))])];
  },
};

const items: View = {
  name: 'items',
  summary: 'Slab classes: items by size, what is evicted and how old it was',
  async show(context, words) {
    noWords('items', words);
    const view = viewOf(context.place.instance, measureItems(...(await twice(context, collectItems))));
    const tables = classTable(view, MOST_CLASSES);
    return tables.length > 0 ? tables : [{ kind: 'note', text: 'It holds no items.' }];
  },
};

const prefixes: View = {
  name: 'prefixes',
  summary: 'Reads by what their keys begin with, and why they miss',
  cost: `It has memcached write a line for every read and write, for ${LONG_LOOK_MS / 1000} s or 3,000 lines at most: a busy one is about a sixth slower meanwhile.`,
  async show(context, words): Promise<readonly Evidence[]> {
    noWords('prefixes', words);
    const tables = prefixTables([viewOf(context.place.instance, await fetchesOf(context))], MOST_CLASSES);
    return tables.length > 0 ? tables : [{ kind: 'note', text: 'Nobody read anything meanwhile.' }];
  },
};

async function fetchesOf(context: CollectContext): Promise<Measured<MemcachedFacts>> {
  try {
    const window = await watchFetches(context, LONG_LOOK_MS);
    return { readings: [], facts: { fetches: ofWindows([window]) } };
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown;
    const look = (one: CollectContext) => collectFetches(one, undefined);
    return measureFetches(...(await twice(context, look)));
  }
}

export const views: readonly View[] = [overview, items, prefixes];
