import type { Fault } from './fault.ts';
import { startMysqlClient, stopMysqlClient } from './my-client.ts';

const NAME = 'invoice-reader';

/** What the page of an invoice asks; for a lab without visitors. */
const READER = `
db = connect()
db.autocommit(True)
cursor = db.cursor()
number = 0
while True:
    number = number % 100000 + 1
    cursor.execute("SELECT i.total, COUNT(*), SUM(p.amount) FROM invoice i JOIN invoice_item p ON p.invoice_id = i.id WHERE i.id = %s GROUP BY i.id", [number])
    cursor.fetchall()
    time.sleep(0.15)
`;

/** Every index that begins with the column goes, whatever it is called; the table keeps none by itself. */
const OTHERS = `SELECT INDEX_NAME FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = 'shop'
  AND TABLE_NAME = 'invoice_item' AND COLUMN_NAME = 'invoice_id' AND SEQ_IN_INDEX = 1;`;

export const myMissingIndex: Fault = {
  name: 'my-missing-index',
  summary:
    'The index of invoice_item.invoice_id went with its constraint: each invoice reads the whole table',
  parts: ['mysql'],
  mix: { myorder: 8 },
  on: async (lab) => {
    for (const index of (await lab.mariadb('my1', OTHERS)).split('\n').filter(Boolean))
      await lab.mariadb('my1', `ALTER TABLE invoice_item DROP INDEX \`${index}\`;`);
    if (!lab.state.parts.includes('web')) await startMysqlClient(lab, NAME, 'shop', READER);
  },
  off: async (lab) => {
    await stopMysqlClient(lab, NAME);
    await lab.boosted('my1', async () => {
      await lab.mariadb(
        'my1',
        'ALTER TABLE invoice_item ADD INDEX IF NOT EXISTS invoice_item_invoice (invoice_id);',
      );
    });
    // One that somebody made while it was missing is one too many now.
    for (const index of (await lab.mariadb('my1', OTHERS)).split('\n').filter(Boolean))
      if (index !== 'invoice_item_invoice')
        await lab.mariadb('my1', `ALTER TABLE invoice_item DROP INDEX \`${index}\`;`);
  },
};
