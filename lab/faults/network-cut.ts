import type { Fault } from './fault.ts';

export const networkCut: Fault = {
  name: 'network-cut',
  summary: 'A host is cut off the network: what runs in it runs on, and nobody reaches it',
  host: 'app2',
  on: async (lab, { host }) => lab.plug(host, false),
  off: async (lab, { host }) => lab.plug(host, true),
};
