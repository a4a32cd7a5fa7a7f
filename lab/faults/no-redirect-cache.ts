import type { Fault } from './fault.ts';

export const noRedirectCache: Fault = {
  name: 'no-redirect-cache',
  summary: 'Legacy redirects say no-store: each of them hits the application',
  on: async (lab) => {
    lab.flag('no-redirect-cache', true);
    await lab.varnishadm('ban', 'req.url', '~', '^/legacy/');
  },
  off: async (lab) => {
    lab.flag('no-redirect-cache', false);
    await lab.varnishadm('ban', 'req.url', '~', '^/legacy/');
  },
};
