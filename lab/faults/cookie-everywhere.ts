import type { Fault } from './fault.ts';

const BAN = ['ban', 'req.url', '~', '.'];

export const cookieEverywhere: Fault = {
  name: 'cookie-everywhere',
  summary: 'The application sets a cookie on every page: nothing is cached any more',
  parts: ['web'],
  on: async (lab) => {
    lab.flag('cookie-everywhere', true);
    await lab.varnishadm(...BAN);
  },
  off: async (lab) => {
    lab.flag('cookie-everywhere', false);
    await lab.varnishadm(...BAN);
  },
};
