export { backends } from './checks/backends.ts';
export { errors } from './checks/errors.ts';
export { queue } from './checks/queue.ts';
