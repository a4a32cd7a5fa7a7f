export { connections } from './checks/connections.ts';
export { replication } from './checks/replication.ts';
export { missingIndex, schemaDrift } from './checks/schema.ts';
export { idleInTransaction, locks, longQueries } from './checks/sessions.ts';
export { hotQueries } from './checks/statements.ts';
export { bloat, cache, wraparound } from './checks/upkeep.ts';
