import type { Lab } from '../../../lab/index.ts';
import { pause } from '../../proof.ts';
import type { LabRow, Row } from '../row.ts';
import { again, grown, memcachedStats, near, percent } from './native.ts';

const SERVERS = ['cache1', 'cache2'];
/** Items are read every 15 s, keys for a part of every 30 s. */
const ITEMS_S = 90;
/** Nearly as long as the checks look back. */
const LOOK_BACK_S = 27;

export const MEMCACHED_ROWS: readonly Row[] = [
  {
    check: 'memcached.hit-rate',
    parts: ['cache'],
    fault: 'memcached-small',
    firesWithin: ITEMS_S,
    // Of a lab that was only just started it may say for a while that it is warming.
    figureWithin: 85,
    evidence: [/"picture"/, /evicted/, /more memory for memcached/],
    figure: async (lab, finding, bot) => {
      const more = await grown(() => totals(lab), LOOK_BACK_S);
      const share = more.hits / more.gets;
      return near(
        await again(bot, finding),
        share,
        0.1,
        `stats: ${more.hits} of ${more.gets} gets in ${more.seconds.toFixed(0)} s were hits, ${percent(share)}`,
      );
    },
  },
  {
    check: 'memcached.evictions',
    parts: ['cache'],
    fault: 'memcached-small',
    firesWithin: ITEMS_S,
    evidence: [/Items by size on cache/, /"last used before"/, /cache_memlimit|other sizes hold the pages/],
    figure: async (lab, finding) => {
      const age = await youngestEvicted(lab, finding.subject ?? '');
      return near(finding, age, Math.max(3, age * 0.5), `stats items: evicted_time ${age} s`);
    },
  },
  {
    check: 'memcached.balance',
    parts: ['cache'],
    fault: 'memcached-unbalanced',
    firesWithin: ITEMS_S,
    evidence: [/cache1/, /"price"/, /same servers in the same order/],
    figure: async (lab, finding, bot) => {
      const each = await Promise.all(SERVERS.map((host) => grown(() => workOf(lab, host), LOOK_BACK_S)));
      const [one = 0, two = 0] = each.map((more) => more.gets + more.sets);
      const ratio = Math.max(one, two) / ((one + two) / 2);
      return near(
        await again(bot, finding),
        ratio,
        0.15,
        `stats: ${one} reads and writes on cache1, ${two} on cache2 in ${LOOK_BACK_S} s`,
      );
    },
  },
  {
    check: 'memcached.latency',
    parts: ['cache'],
    fault: 'memcached-slow',
    host: 'cache1',
    mine: ({ subject }) => subject === 'cache1',
    evidence: [/round trip/, /the way there/, /cache1/, /swapping|CPU of its host/],
    figure: async (lab, finding) => {
      const [slow, well] = [await operationMs(lab, 'cache1'), await operationMs(lab, 'cache2')];
      // Of five looks each: as they happen to meet the moments in which it runs.
      const { right } = near(finding, slow - well, 15, '');
      return {
        right: right && slow > 2 && well < 2,
        says: `by hand: ${slow.toFixed(1)} ms for a get, ${well.toFixed(1)} ms on cache2 beside it`,
      };
    },
  },
] satisfies LabRow[];

async function workOf(lab: Lab, host: string) {
  const stats = await memcachedStats(lab, host);
  const count = (name: string) => stats.get(name) ?? Number.NaN;
  return { gets: count('cmd_get'), hits: count('get_hits'), sets: count('cmd_set') };
}

async function totals(lab: Lab) {
  const all = await Promise.all(SERVERS.map((host) => workOf(lab, host)));
  const sum = (name: 'gets' | 'hits') => all.reduce((total, one) => total + one[name], 0);
  return { gets: sum('gets'), hits: sum('hits') };
}

/** Of the sizes that are thrown out from: how long the last item had not been used. */
async function youngestEvicted(lab: Lab, host: string): Promise<number> {
  const before = await memcachedStats(lab, host, 'items');
  await pause(3000);
  const after = await memcachedStats(lab, host, 'items');
  const ages = [...after].flatMap(([name, age]) => {
    const evicted = name.replace(/:evicted_time$/, ':evicted');
    return evicted !== name && (after.get(evicted) ?? 0) > (before.get(evicted) ?? 0) ? [age] : [];
  });
  return Math.min(...ages);
}

/** The middle one of some reads, each with a connection of its own, at odd moments. */
async function operationMs(lab: Lab, host: string): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 41; i++) {
    await pause(20 + Math.random() * 40);
    const begun = performance.now();
    await lab.memcached(host, 'get nothing');
    times.push(performance.now() - begun);
  }
  return times.sort((a, b) => a - b)[20] ?? Number.NaN;
}
