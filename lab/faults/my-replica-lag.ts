import type { Fault } from './fault.ts';
import { startMysqlClient, stopMysqlClient } from './my-client.ts';

const WRITER = 'newsletter';
const HOLDER = 'backup-lock';

/** Something to be behind with: one small change a second. */
const WRITE = `
db = connect()
db.autocommit(True)
number = 0
while True:
    number += 1
    db.cursor().execute("UPDATE customer SET email = CONCAT('c1-', %s, '@example.com') WHERE id = 1", [number])
    time.sleep(1)
`;

/** A backup that hangs keeps its lock of all tables: what comes from the primary waits. */
const HOLD = "(echo 'FLUSH TABLES WITH READ LOCK;'; exec sleep 86400) | mariadb --no-defaults";

export const myReplicaLag: Fault = {
  name: 'my-replica-lag',
  summary: 'A backup on the replica keeps its lock of all tables: it falls behind, second by second',
  parts: ['mysql'],
  on: async (lab) => {
    await startMysqlClient(lab, WRITER, 'shop', WRITE);
    await lab.daemon('my2', HOLDER, ['sh', '-c', HOLD]);
  },
  off: async (lab) => {
    await lab.stopDaemon('my2', HOLDER);
    await stopMysqlClient(lab, WRITER);
    await lab.mariadb('my1', "UPDATE customer SET email = 'c1@example.com' WHERE id = 1;");
  },
};
