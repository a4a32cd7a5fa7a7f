export { collectLimits } from './limits.ts';
export { collectLog } from './log.ts';
export { collectPages } from './pages.ts';
export { collectStat } from './stat.ts';
