export { backlog } from './checks/backlog.ts';
export { failures } from './checks/failures.ts';
export { workers } from './checks/workers.ts';
