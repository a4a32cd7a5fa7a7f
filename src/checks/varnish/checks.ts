export { backends, errors } from './checks/errors.ts';
export { hitRate } from './checks/hit-rate.ts';
export { redirects, topMisses } from './checks/misses.ts';
