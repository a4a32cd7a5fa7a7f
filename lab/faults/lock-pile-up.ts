import { startSessions, stopSessions } from './database-sessions.ts';
import type { Fault } from './fault.ts';

const HOLDER = 'lock-holder';
const WAITERS = 'lock-waiters';

/** Whoever ends the root has mended it: the holder's program does not begin again. */
export const lockPileUp: Fault = {
  name: 'lock-pile-up',
  summary: 'An open transaction holds the rows of the products that everybody buys; buyers wait behind it',
  parts: ['postgres'],
  mix: { buy: 6 },
  on: async (lab) => {
    await startSessions(lab, HOLDER, {
      count: 1,
      through: 'database',
      sql: ['BEGIN', 'UPDATE product SET sold = sold WHERE id <= 200'],
    });
    await startSessions(lab, WAITERS, {
      count: 3,
      through: 'database',
      sql: [],
      again: 'UPDATE product SET sold = sold + 1 WHERE id = 1',
      pauseSeconds: 0.5,
    });
  },
  off: async (lab) => {
    await stopSessions(lab, HOLDER);
    await stopSessions(lab, WAITERS);
  },
};
