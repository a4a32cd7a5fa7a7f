import { appErrors } from './app-errors.ts';
import { appOverload } from './app-overload.ts';
import { backendDown } from './backend-down.ts';
import { badDeploy } from './bad-deploy.ts';
import { cacheUnused } from './cache-unused.ts';
import { celeryBacklog } from './celery-backlog.ts';
import { celeryFailures } from './celery-failures.ts';
import { celeryWorkerFrozen } from './celery-worker-frozen.ts';
import { connectionLeak } from './connection-leak.ts';
import { cookieEverywhere } from './cookie-everywhere.ts';
import { diskFull } from './disk-full.ts';
import { externalClient } from './external-client.ts';
import type { Fault } from './fault.ts';
import { hostDown } from './host-down.ts';
import { hotQuery } from './hot-query.ts';
import { idleInTransaction } from './idle-in-transaction.ts';
import { iowait } from './iowait.ts';
import { lockPileUp } from './lock-pile-up.ts';
import { memcachedSlow } from './memcached-slow.ts';
import { memcachedSmall } from './memcached-small.ts';
import { memcachedUnbalanced } from './memcached-unbalanced.ts';
import { missingIndex } from './missing-index.ts';
import { myConnections } from './my-connections.ts';
import { myExternalClient } from './my-external-client.ts';
import { myIdle } from './my-idle.ts';
import { myLock } from './my-lock.ts';
import { myMissingIndex } from './my-missing-index.ts';
import { myReplicaLag } from './my-replica-lag.ts';
import { mySchemaDrift } from './my-schema-drift.ts';
import { mySmallPool } from './my-small-pool.ts';
import { networkCut } from './network-cut.ts';
import { noRedirectCache } from './no-redirect-cache.ts';
import { notFoundStorm } from './not-found-storm.ts';
import { oom } from './oom.ts';
import { pinnedCore } from './pinned-core.ts';
import { poolWaiting } from './pool-waiting.ts';
import { privatePageCached } from './private-page-cached.ts';
import { pythonMemory } from './python-memory.ts';
import { replicaLag } from './replica-lag.ts';
import { schemaDrift } from './schema-drift.ts';
import { slowView } from './slow-view.ts';
import { swap } from './swap.ts';
import { varnishSmall } from './varnish-small.ts';
import { varnishThreads } from './varnish-threads.ts';
import { varyEverywhere } from './vary-everywhere.ts';

/** Every fault; a new one is a file and a line here. */
export const FAULTS: readonly Fault[] = [
  noRedirectCache,
  cookieEverywhere,
  appOverload,
  backendDown,
  pinnedCore,
  hostDown,
  networkCut,
  diskFull,
  notFoundStorm,
  privatePageCached,
  varnishSmall,
  varnishThreads,
  varyEverywhere,
  celeryBacklog,
  celeryFailures,
  celeryWorkerFrozen,
  memcachedSmall,
  memcachedUnbalanced,
  memcachedSlow,
  cacheUnused,
  pythonMemory,
  iowait,
  swap,
  oom,
  slowView,
  appErrors,
  badDeploy,
  missingIndex,
  schemaDrift,
  hotQuery,
  externalClient,
  idleInTransaction,
  lockPileUp,
  connectionLeak,
  replicaLag,
  poolWaiting,
  myMissingIndex,
  myExternalClient,
  myLock,
  myIdle,
  myConnections,
  mySchemaDrift,
  myReplicaLag,
  mySmallPool,
];

export function findFault(name: string): Fault {
  const fault = FAULTS.find((one) => one.name === name);
  if (!fault)
    throw new RangeError(`There is no fault ${name}; there is ${FAULTS.map((one) => one.name).join(', ')}.`);
  return fault;
}
