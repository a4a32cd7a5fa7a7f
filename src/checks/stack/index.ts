import { defineSystem } from '../contract.ts';
import { visitors } from './checks.ts';
import { clients } from './clients.ts';

/** What spans tiers. It collects nothing: the tiers' own systems have written the history that it is judged from. */
export const stack = defineSystem<object>({
  id: 'stack',
  watches: 'stack',
  collectors: [],
  checks: [visitors, clients],
  views: [],
  figures: () => '',
});
