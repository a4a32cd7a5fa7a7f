export { backends, errors } from './checks/errors.ts';
export { evictions } from './checks/evictions.ts';
export { hitRate } from './checks/hit-rate.ts';
export { redirects, topMisses } from './checks/misses.ts';
export { notFound } from './checks/not-found.ts';
export { expectedHits, expectedPasses } from './checks/pages.ts';
export { threads } from './checks/threads.ts';
