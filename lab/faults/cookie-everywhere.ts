import type { Fault } from './fault.ts';

export const cookieEverywhere: Fault = {
  name: 'cookie-everywhere',
  summary: 'The application sets a cookie on every page: nothing is cached any more',
  on: async (lab) => {
    lab.flag('cookie-everywhere', true);
    await lab.varnishadm('ban', 'req.url', '~', '.');
  },
  off: async (lab) => {
    lab.flag('cookie-everywhere', false);
    await lab.varnishadm('ban', 'req.url', '~', '.');
  },
};
