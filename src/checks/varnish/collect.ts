export { collectLog } from './log.ts';
export { collectStat } from './stat.ts';
