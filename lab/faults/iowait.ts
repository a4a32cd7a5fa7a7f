import { refused } from './refused.ts';

export const iowait = refused(
  'iowait',
  'The cores wait for the disk',
  'Time waiting for disks is the whole machine’s and counts only while its cores are idle: what shows it would slow everything else on this disk. What the check does with it is shown by its tests (test/checks/host).',
);
