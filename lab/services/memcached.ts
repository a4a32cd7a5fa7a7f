import { addressOf, HOSTS } from '../plan.ts';
import { connects } from '../run.ts';
import { asUser, type Service } from './service.ts';

export const MEMCACHED_PORT = 11211;

/** MB that each server may use. */
const MEGABYTES = 64;

export const caches: readonly Service[] = HOSTS.filter((host) => host.role === 'memcached').map((host) => ({
  name: `memcached@${host.name}`,
  host: host.name,
  parts: ['cache'],
  binds: [],
  process: ['-x', 'memcached'],
  prepare: () => undefined,
  start: () =>
    `setsid -f ${asUser('memcache')} memcached -l 0.0.0.0 -p ${MEMCACHED_PORT} -m ${MEGABYTES} -c 200 -t 2 </dev/null >>/var/log/memcached.log 2>&1`,
  ready: ({ number }) => connects(addressOf(number, host.name), MEMCACHED_PORT),
}));
