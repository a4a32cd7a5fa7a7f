import { refused } from './refused.ts';

export const swap = refused(
  'swap',
  'A server swaps',
  'Memory and swap are the whole machine’s here: filling them would slow or end everything else on it. What the check does with a host that swaps is shown by its recordings (test/checks/host).',
);
