/** The lab for tests and proofs. */
export { Lab } from './lab.ts';
export { ensurePackages, labPossible } from './packages.ts';
export { until } from './run.ts';
export { labStatus } from './status.ts';
export { downLab, upLab } from './up.ts';
