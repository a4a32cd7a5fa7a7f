export { errors, responseTime } from './checks/response.ts';
export { busy, queue } from './checks/workers.ts';
