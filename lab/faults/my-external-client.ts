import type { Fault } from './fault.ts';
import { startMysqlClient, stopMysqlClient } from './my-client.ts';

const NAME = 'sales-report';

const REPORT = `
def report():
    db = connect()
    db.autocommit(True)
    cursor = db.cursor()
    while True:
        cursor.execute("SELECT c.name, COUNT(*), SUM(i.total) FROM customer c JOIN invoice i ON i.customer_id = c.id JOIN invoice_item p ON p.invoice_id = i.id GROUP BY c.name ORDER BY 3 DESC LIMIT 20")
        cursor.fetchall()
threads = [threading.Thread(target=report, daemon=True) for _ in range(2)]
for one in threads: one.start()
for one in threads: one.join()
`;

export const myExternalClient: Fault = {
  name: 'my-external-client',
  summary:
    'A report from outside the application reads all invoices of the primary, over and over, on two connections',
  parts: ['mysql'],
  on: (lab) => startMysqlClient(lab, NAME, 'report', REPORT),
  off: (lab) => stopMysqlClient(lab, NAME),
};
