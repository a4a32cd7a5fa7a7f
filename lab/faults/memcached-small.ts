import { CACHE_HOSTS, startReader } from './cache-reader.ts';
import type { Fault } from './fault.ts';

const NAME = 'picture-reader';
const HOST = 'cache1';

/** 500 pictures are 45 MB; the two servers together may hold 16 of them. */
export const memcachedSmall: Fault = {
  name: 'memcached-small',
  summary:
    'Pictures are cached in memcacheds that may hold a third of them: they are thrown out before they are read again',
  parts: ['cache'],
  on: async (lab) => {
    for (const host of CACHE_HOSTS) await lab.memcached(host, 'cache_memlimit 8');
    const pictures = { servers: CACHE_HOSTS, perSecond: 60, prefix: 'picture', keys: 500, bytes: 90_000 };
    await startReader(lab, HOST, NAME, pictures);
  },
  off: async (lab) => {
    await lab.stopDaemon(HOST, NAME);
    for (const host of CACHE_HOSTS) await lab.memcached(host, 'cache_memlimit 64');
  },
};
