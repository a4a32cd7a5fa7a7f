import { startSessions, stopSessions } from './database-sessions.ts';
import type { Fault } from './fault.ts';

const WRITER = 'steady-writer';

export const replicaLag: Fault = {
  name: 'replica-lag',
  summary: 'The replica stops replaying, while the primary is written to',
  parts: ['postgres'],
  on: async (lab) => {
    await lab.psql('db2', 'SELECT pg_wal_replay_pause();');
    // Without a write nothing is behind.
    await startSessions(lab, WRITER, {
      count: 1,
      through: 'database',
      sql: [],
      again: 'UPDATE product SET sold = sold WHERE id > 900',
      pauseSeconds: 0.5,
    });
  },
  off: async (lab) => {
    await stopSessions(lab, WRITER);
    await lab.psql('db2', 'SELECT pg_wal_replay_resume();');
  },
};
