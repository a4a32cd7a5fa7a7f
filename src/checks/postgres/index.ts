import { figure } from '../../message/figures.ts';
import { defineSystem } from '../contract.ts';
import {
  bloat,
  cache,
  connections,
  hotQueries,
  idleInTransaction,
  locks,
  longQueries,
  missingIndex,
  replication,
  schemaDrift,
  wraparound,
} from './checks.ts';
import {
  collectActivity,
  collectConnections,
  collectDatabases,
  collectReplication,
  collectSchema,
  collectStatements,
  collectTables,
} from './collect.ts';
import type { PostgresFacts } from './facts.ts';
import {
  measureActivity,
  measureConnections,
  measureDatabases,
  measureReplication,
  measureSchema,
  measureStatements,
  measureTables,
} from './measure.ts';
import { views } from './views.ts';

export type * from './facts.ts';
export { explainPid, lockTreeNow } from './probes.ts';

export const postgres = defineSystem<PostgresFacts>({
  id: 'postgres',
  watches: 'postgres',
  collectors: [
    { id: 'connections', everySeconds: 5, collect: collectConnections, measure: measureConnections },
    { id: 'activity', everySeconds: 5, collect: collectActivity, measure: measureActivity },
    { id: 'replication', everySeconds: 5, collect: collectReplication, measure: measureReplication },
    { id: 'databases', everySeconds: 10, collect: collectDatabases, measure: measureDatabases },
    { id: 'statements', everySeconds: 15, collect: collectStatements, measure: measureStatements },
    { id: 'tables', everySeconds: 20, collect: collectTables, measure: measureTables },
    { id: 'schema', everySeconds: 60, collect: collectSchema, measure: measureSchema },
  ],
  checks: [
    connections,
    idleInTransaction,
    longQueries,
    locks,
    hotQueries,
    missingIndex,
    schemaDrift,
    replication,
    cache,
    bloat,
    wraparound,
  ],
  views,
  figures(instances) {
    const [primary] = instances;
    if (!primary) return '';
    const used = primary.value('postgres.connections');
    const busy = primary.value('postgres.busy');
    const lags = instances.flatMap((one) => one.value('postgres.lag_seconds') ?? []);
    return [
      ...(used === undefined ? [] : [`${used} of ${primary.value('postgres.connections_max') ?? '?'} conn`]),
      ...(busy === undefined ? [] : [`${figure(busy, 'count')} busy`]),
      ...(lags.length > 0 ? [`lag ${figure(Math.max(...lags), 's')}`] : []),
    ].join(' · ');
  },
});
