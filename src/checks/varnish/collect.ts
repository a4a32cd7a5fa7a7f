export { collectLog, knowsJson, type LogSnapshot, readWindow } from './log.ts';
export { collectStat, type StatSnapshot } from './stat.ts';
