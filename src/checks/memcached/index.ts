import { defineSystem } from '../contract.ts';

export const memcached = defineSystem<object>({
  id: 'memcached',
  watches: 'memcached',
  collectors: [],
  checks: [],
  views: [],
  figures: () => '',
});
