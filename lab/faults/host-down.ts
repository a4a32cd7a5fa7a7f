import type { Fault } from './fault.ts';

export const hostDown: Fault = {
  name: 'host-down',
  summary: 'A host loses its power: nothing in it runs any more, and nobody answers at its address',
  host: 'app2',
  on: (lab, { host }) => lab.killHost(host),
  off: async (lab, { host }) => {
    if (!lab.isUp(host)) await lab.rebootHost(host);
  },
};
