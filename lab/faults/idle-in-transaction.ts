import { startSessions, stopSessions } from './database-sessions.ts';
import type { Fault } from './fault.ts';

const NAME = 'open-transactions';

export const idleInTransaction: Fault = {
  name: 'idle-in-transaction',
  summary: 'The application begins transactions past the pooler and does not end them',
  parts: ['postgres'],
  on: (lab) =>
    startSessions(lab, NAME, {
      count: 6,
      through: 'database',
      sql: ['BEGIN', 'SELECT customer FROM orders WHERE id = 17'],
    }),
  off: (lab) => stopSessions(lab, NAME),
};
