import { defineSystem } from '../contract.ts';
import { collectors, connectivity, store } from './checks.ts';

/** Warroom itself, judged from what its parts report to the health board. */
export const self = defineSystem<object>({
  id: 'self',
  watches: 'self',
  collectors: [],
  checks: [connectivity, collectors, store],
  views: [],
  figures: () => '',
});
