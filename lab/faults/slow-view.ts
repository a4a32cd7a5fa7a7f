import type { Fault } from './fault.ts';

export const slowView: Fault = {
  name: 'slow-view',
  summary: 'The account page waits 3 s for a service that is slow: workers stand still, the CPU is idle',
  parts: ['web'],
  mix: { account: 8 },
  on: async (lab) => lab.flag('slow-view', true),
  off: async (lab) => lab.flag('slow-view', false),
};
