import { defineSystem } from '../contract.ts';

export const pgbouncer = defineSystem<object>({
  id: 'pgbouncer',
  watches: 'pgbouncer',
  collectors: [],
  checks: [],
  views: [],
  figures: () => '',
});
