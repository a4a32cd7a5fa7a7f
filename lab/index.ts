/** The lab for tests and proofs. */
export { calibrate } from './calibrate.ts';
export { downLab } from './down.ts';
export { FAULTS } from './faults/index.ts';
export { Lab } from './lab.ts';
export { LIMITS } from './limits.ts';
export { ensurePackages, labPossible } from './packages.ts';
export { PARTS, type Part, partsOf } from './plan.ts';
export { switchRabbitmq } from './rabbitmq.ts';
export { until } from './run.ts';
export { type LabStatus, labStatus } from './status.ts';
export type { TrafficReport } from './traffic/report.ts';
export { type UpOptions, upLab } from './up.ts';
