import { startSessions, stopSessions } from './database-sessions.ts';
import type { Fault } from './fault.ts';

const NAME = 'connection-leak';

export const connectionLeak: Fault = {
  name: 'connection-leak',
  summary:
    'The application opens connections past the pooler and keeps them, until nine of ten places are taken',
  parts: ['postgres'],
  on: (lab) => startSessions(lab, NAME, { count: 'full', through: 'database', sql: ['SELECT 1'] }),
  off: (lab) => stopSessions(lab, NAME),
};
