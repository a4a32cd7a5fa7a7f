export { measureActivity } from './measure/activity.ts';
export { measureSchema } from './measure/drift.ts';
export { measureConnections, measureDatabases, measureReplication } from './measure/server.ts';
export { measureStatements } from './measure/statements.ts';
export { measureTables } from './measure/tables.ts';
