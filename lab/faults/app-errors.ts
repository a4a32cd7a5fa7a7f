import type { Fault } from './fault.ts';

export const appErrors: Fault = {
  name: 'app-errors',
  summary: 'The cart raises an exception that nothing catches: its visitors get a 500',
  parts: ['web'],
  mix: { cart: 12 },
  on: async (lab) => lab.flag('app-errors', true),
  off: async (lab) => lab.flag('app-errors', false),
};
