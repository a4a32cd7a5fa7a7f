import type { Fault } from './fault.ts';

export const hotQuery: Fault = {
  name: 'hot-query',
  summary: 'Each order page asks for forty products one by one: fast queries, far too many of them',
  parts: ['web', 'postgres'],
  mix: { order: 25 },
  on: async (lab) => lab.flag('hot-query', true),
  off: async (lab) => lab.flag('hot-query', false),
};
