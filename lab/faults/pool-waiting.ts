import { startSessions, stopSessions } from './database-sessions.ts';
import type { Fault } from './fault.ts';

const NAME = 'slow-export';

/** The pool has twelve connections. */
export const poolWaiting: Fault = {
  name: 'pool-waiting',
  summary:
    'Fourteen slow exports of the application keep every connection of its pool: everybody else queues',
  parts: ['postgres'],
  on: (lab) => startSessions(lab, NAME, { count: 14, through: 'pool', sql: [], again: 'SELECT pg_sleep(2)' }),
  off: (lab) => stopSessions(lab, NAME),
};
