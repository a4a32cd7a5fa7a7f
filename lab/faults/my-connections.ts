import type { Fault } from './fault.ts';
import { startMysqlClient, stopMysqlClient } from './my-client.ts';

const NAME = 'connection-hoarder';

/** Of the 60 that the server may have; the visitors and the bot still find one. */
const HOARD = `
kept = [connect() for _ in range(45)]
while True:
    for db in kept: db.ping()
    time.sleep(20)
`;

export const myConnections: Fault = {
  name: 'my-connections',
  summary: 'A client without a pool keeps 45 of 60 connections open, all asleep',
  parts: ['mysql'],
  on: (lab) => startMysqlClient(lab, NAME, 'report', HOARD),
  off: (lab) => stopMysqlClient(lab, NAME),
};
