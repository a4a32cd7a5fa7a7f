import type { Fault } from './fault.ts';
import { startMysqlClient, stopMysqlClient } from './my-client.ts';

const ROOT = 'forgetful-import';
const WAITERS = 'waiting-payments';

/** It waits for its rows should somebody else have them, and then keeps them. */
const HOLD = `
db = connect()
cursor = db.cursor()
cursor.execute("UPDATE invoice SET total = total + 1 WHERE id <= 20")
while True:
    time.sleep(3600)
`;

/** Their locks time out after the server's 50 s, and they ask again. */
const WAIT = `
def pay():
    while True:
        try:
            db = connect()
            db.cursor().execute("UPDATE invoice SET total = total - 1 WHERE id = 7")
            db.rollback()
            db.close()
        except Exception:
            pass
        time.sleep(0.5)
threads = [threading.Thread(target=pay, daemon=True) for _ in range(4)]
for one in threads: one.start()
for one in threads: one.join()
`;

export const myLock: Fault = {
  name: 'my-lock',
  summary: 'An import changes invoices and never commits; four payments wait for one of its rows',
  parts: ['mysql'],
  on: async (lab) => {
    await stopMysqlClient(lab, WAITERS);
    await startMysqlClient(lab, ROOT, 'shop', HOLD);
    await startMysqlClient(lab, WAITERS, 'shop', WAIT);
  },
  off: async (lab) => {
    await stopMysqlClient(lab, WAITERS);
    await stopMysqlClient(lab, ROOT);
  },
};
