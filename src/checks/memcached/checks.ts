export { balance } from './checks/balance.ts';
export { evictions } from './checks/evictions.ts';
export { hitRate } from './checks/hit-rate.ts';
export { latency } from './checks/latency.ts';
