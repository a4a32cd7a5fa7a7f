import type { Fault } from './fault.ts';

export const appOverload: Fault = {
  name: 'app-overload',
  summary: 'Visitors ask for more private pages than three application servers can compute',
  parts: ['web'],
  mix: { cart: 110, account: 110 },
  on: async () => undefined,
  off: async () => undefined,
};
