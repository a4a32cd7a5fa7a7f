import type { Fault } from './fault.ts';

export const appOverload: Fault = {
  name: 'app-overload',
  summary: 'More dynamic pages than three application servers can compute',
  on: async (lab) => lab.mix({ cpu: 45 }),
  off: async (lab) => lab.mix({}),
};
