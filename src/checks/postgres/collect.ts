export { type ActivitySnapshot, collectActivity } from './collect/activity.ts';
export { type ConnectionsSnapshot, collectConnections } from './collect/connections.ts';
export { collectDatabases, type DatabasesSnapshot } from './collect/databases.ts';
export { collectReplication, type ReplicationSnapshot } from './collect/replication.ts';
export { collectSchema, type SchemaSnapshot } from './collect/schema.ts';
export { collectStatements, type StatementsSnapshot } from './collect/statements.ts';
export { collectTables, type TablesSnapshot } from './collect/tables.ts';
