import type { Fault } from './fault.ts';

const BAN = ['ban', 'req.url', '~', '.'];

export const varyEverywhere: Fault = {
  name: 'vary-everywhere',
  summary: 'The application says that every page differs by browser and address: each visitor gets a copy',
  parts: ['web'],
  on: async (lab) => {
    lab.flag('vary-everywhere', true);
    await lab.varnishadm(...BAN);
  },
  off: async (lab) => {
    lab.flag('vary-everywhere', false);
    await lab.varnishadm(...BAN);
  },
};
