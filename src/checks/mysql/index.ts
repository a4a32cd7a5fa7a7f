import { defineSystem } from '../contract.ts';

export const mysql = defineSystem<object>({
  id: 'mysql',
  watches: 'mysql',
  collectors: [],
  checks: [],
  views: [],
  figures: () => '',
});
