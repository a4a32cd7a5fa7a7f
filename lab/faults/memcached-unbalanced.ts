import { startReader } from './cache-reader.ts';
import type { Fault } from './fault.ts';

const NAME = 'lone-reader';
const HOST = 'cache2';

export const memcachedUnbalanced: Fault = {
  name: 'memcached-unbalanced',
  summary: 'A job whose settings name one of the two memcacheds does all its reading there',
  parts: ['cache'],
  on: (lab) =>
    startReader(lab, HOST, NAME, {
      servers: ['cache1'],
      perSecond: 150,
      prefix: 'price',
      keys: 20,
      bytes: 200,
    }),
  off: (lab) => lab.stopDaemon(HOST, NAME),
};
