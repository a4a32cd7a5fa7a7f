import { figure } from '../../message/figures.ts';
import { defineSystem } from '../contract.ts';
import {
  bufferPool,
  connections,
  hotQueries,
  idleInTransaction,
  locks,
  longQueries,
  missingIndex,
  replication,
  schemaDrift,
} from './checks.ts';
import { collectActivity } from './collect.ts';
import { collectCatalogue } from './collect-catalogue.ts';
import { collectReplication } from './collect-replication.ts';
import { collectStatements } from './collect-statements.ts';
import type { MysqlFacts } from './facts.ts';
import { measureActivity, measureCatalogue, measureReplication, measureStatements } from './measure.ts';
import { views } from './views.ts';

export type {
  Difference,
  Drift,
  Holder,
  LockRoot,
  LockWait,
  LongQuery,
  MysqlFacts,
  Pattern,
  Patterns,
  PlanStep,
  ReplicaChannel,
  Replication,
  SessionRow,
  TableSize,
  TransactionPart,
  UnindexedRelation,
} from './facts.ts';

/**
 * MySQL 5.7, 8.0 and 8.4 and MariaDB 10.5 to 11. MariaDB 10.11 is what the tests run against; the others are covered by
 * their lists of columns and written rows (test/fixtures/mysql), not by servers.
 */
export const mysql = defineSystem<MysqlFacts>({
  id: 'mysql',
  watches: 'mysql',
  collectors: [
    { id: 'activity', everySeconds: 5, collect: collectActivity, measure: measureActivity },
    // Later in this list, so that who works the database is told by counters where there are some.
    { id: 'statements', everySeconds: 15, collect: collectStatements, measure: measureStatements },
    { id: 'replication', everySeconds: 10, collect: collectReplication, measure: measureReplication },
    {
      id: 'catalogue',
      everySeconds: 60,
      timeoutMs: 10_000,
      collect: collectCatalogue,
      measure: measureCatalogue,
    },
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
    bufferPool,
  ],
  views,
  figures(instances) {
    const primary = instances.find((one) => one.facts.replication?.role !== 'replica') ?? instances[0];
    const [used, most, queries] = ['connections', 'connections_max', 'queries'].map((name) =>
      primary?.value(`mysql.${name}`),
    );
    const lags = instances.flatMap((one) => one.value('mysql.replica_lag') ?? []);
    const parts = [
      ...(queries === undefined ? [] : [`${figure(queries, '/s')} queries`]),
      ...(used === undefined ? [] : [`${used} of ${most ?? '?'} conn`]),
      ...(lags.length > 0 ? [`lag ${figure(Math.max(...lags), 's')}`] : []),
    ];
    return parts.join(' · ');
  },
});
