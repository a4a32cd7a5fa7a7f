import type { Fault } from './fault.ts';

/** The ban makes the answers that Varnish still keeps count no more. */
const BAN = ['ban', 'req.url', '~', '^/no-such-page/'];

export const notFoundStorm: Fault = {
  name: 'not-found-storm',
  summary:
    'A newsletter links to pages that are gone, and their 404 says no-store: all reach the application',
  parts: ['web'],
  mix: { missing: 72 },
  on: async (lab) => {
    lab.flag('not-found-storm', true);
    await lab.varnishadm(...BAN);
  },
  off: async (lab) => {
    lab.flag('not-found-storm', false);
    await lab.varnishadm(...BAN);
  },
};
