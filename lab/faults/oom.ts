import { refused } from './refused.ts';

export const oom = refused(
  'oom',
  'The kernel kills a process for memory',
  'It needs a memory limit for a host, and the memory controller of this machine keeps its own accounts: the lab leaves it alone. What the check does with a kill is shown by its recordings (test/checks/host).',
);
