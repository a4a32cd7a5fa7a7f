import { defineSystem } from '../contract.ts';

export const celery = defineSystem<object>({
  id: 'celery',
  watches: 'celery',
  collectors: [],
  checks: [],
  views: [],
  figures: () => '',
});
