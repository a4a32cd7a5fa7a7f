import type { Fault } from './fault.ts';

export const cacheUnused: Fault = {
  name: 'cache-unused',
  summary: 'The application was set up without its cache: it makes every piece of a page anew',
  parts: ['web', 'cache'],
  mix: { frag: 6 },
  on: async (lab) => lab.flag('cache-unused', true),
  off: async (lab) => lab.flag('cache-unused', false),
};
