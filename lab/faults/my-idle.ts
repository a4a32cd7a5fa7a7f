import type { Fault } from './fault.ts';
import { startMysqlClient, stopMysqlClient } from './my-client.ts';

const NAME = 'leaking-worker';

/** Rows that nobody else asks for: it harms by what it keeps, not by whom it stops. */
const LEAK = `
kept = []
for number in range(3):
    db = connect()
    cursor = db.cursor()
    cursor.execute("UPDATE customer SET email = CONCAT(email, '.') WHERE id BETWEEN %s AND %s", [4900 + number * 20, 4909 + number * 20])
    kept.append(db)
while True:
    time.sleep(3600)
`;

export const myIdle: Fault = {
  name: 'my-idle',
  summary: 'A worker leaves three transactions open: each keeps its locks and its undo, and does nothing',
  parts: ['mysql'],
  on: (lab) => startMysqlClient(lab, NAME, 'shop', LEAK),
  off: (lab) => stopMysqlClient(lab, NAME),
};
