import { defineSystem } from '../contract.ts';
import { chat, clock, collectors, connectivity, fixes, outbox, store } from './checks.ts';

/** Warroom itself, judged from what its parts report to the health board. */
export const self = defineSystem<object>({
  id: 'self',
  watches: 'self',
  collectors: [],
  checks: [connectivity, chat, outbox, collectors, store, clock, fixes],
  views: [],
  figures: () => '',
});
