import type { Fault } from './fault.ts';

/** The ban makes what Varnish knows of these URLs, "may be cached" or "may not", count no more. */
const BAN = ['ban', 'req.url', '~', '^/legacy/'];

export const noRedirectCache: Fault = {
  name: 'no-redirect-cache',
  summary: 'Legacy redirects say no-store and become popular: each one costs the application its slow lookup',
  parts: ['web'],
  mix: { legacy: 72 },
  on: async (lab) => {
    lab.flag('no-redirect-cache', true);
    await lab.varnishadm(...BAN);
  },
  off: async (lab) => {
    lab.flag('no-redirect-cache', false);
    await lab.varnishadm(...BAN);
  },
};
