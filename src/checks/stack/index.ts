import { defineSystem } from '../contract.ts';
import { capacity } from './capacity-check.ts';
import { visitors } from './checks.ts';

import { clients } from './clients.ts';

export { capacityOf } from './capacity.ts';
export { CapacityThresholds, plannedFor } from './capacity-check.ts';
export { capacityEvidence } from './capacity-evidence.ts';

/** What spans tiers. It collects nothing: the tiers' own systems have written the history that it is judged from. */
export const stack = defineSystem<object>({
  id: 'stack',
  watches: 'stack',
  collectors: [],
  checks: [visitors, capacity, clients],
  views: [],
  figures: () => '',
});
