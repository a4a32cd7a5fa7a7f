import { LIMITS } from '../limits.ts';
import type { Fault } from './fault.ts';
import { startMysqlClient, stopMysqlClient } from './my-client.ts';

const NAME = 'invoice-export';
/** Half of what is read, and what the server starts with (lab/services/mariadb.ts). */
const SMALL_MIB = 8;
const WHOLE_MIB = 64;

/** Here and there in the largest table: what was read last is not what is read next. */
const EXPORT = `
import random
db = connect()
db.autocommit(True)
cursor = db.cursor()
while True:
    ids = ",".join(str(random.randrange(${LIMITS.invoiceItems})) for _ in range(40))
    cursor.execute("SELECT SUM(p.amount) FROM invoice_item p WHERE p.id IN (" + ids + ")")
    cursor.fetchall()
    time.sleep(0.05)
`;

export const mySmallPool: Fault = {
  name: 'my-small-pool',
  summary: 'The primary keeps 8 MiB of its data in memory, of 18 that an export reads here and there',
  parts: ['mysql'],
  on: async (lab) => {
    await lab.mariadb('my1', size(SMALL_MIB));
    await startMysqlClient(lab, NAME, 'report', EXPORT);
  },
  off: async (lab) => {
    await stopMysqlClient(lab, NAME);
    await lab.mariadb('my1', size(WHOLE_MIB));
  },
};

function size(mib: number): string {
  return `SET GLOBAL innodb_buffer_pool_size = ${mib} * 1024 * 1024;`;
}
