import { backlog } from './checks/backlog.ts';
import { cacheUsesMemory } from './checks/cache-uses-memory.ts';
import { disk } from './checks/disk.ts';
import { iowait } from './checks/iowait.ts';
import { load } from './checks/load.ts';
import { oom } from './checks/oom.ts';
import { pinnedCore } from './checks/pinned-core.ts';
import { pythonMemory } from './checks/python-memory.ts';
import { swap } from './checks/swap.ts';

/** The questions asked of every host. */
export const hostChecks = [
  load,
  pinnedCore,
  swap,
  oom,
  pythonMemory,
  cacheUsesMemory,
  iowait,
  disk,
  backlog,
] as const;
