import { defineSystem } from '../contract.ts';

export const postgres = defineSystem<object>({
  id: 'postgres',
  watches: 'postgres',
  collectors: [],
  checks: [],
  views: [],
  figures: () => '',
});
