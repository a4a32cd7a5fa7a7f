import { appendAudit } from '../../src/store/audit.ts';
import { openStore } from '../../src/store/store.ts';

/** Writes rows into a log that another process writes into as well. */
const [, , path = '', count = '0'] = process.argv;
const store = openStore(path);
for (let i = 0; i < Number(count); i++)
  await store.db
    .transaction()
    .execute((tx) => appendAudit(tx, { at: i, who: String(process.pid), what: 'row', json: { i } }));
await store.close();
