import { startMysqlClient } from '../../../lab/faults/my-client.ts';
import type { Lab } from '../../../lab/index.ts';
import { LIMITS } from '../../../lab/limits.ts';
import type { Finding } from '../../../src/checks/contract.ts';
import type { LabRow, Row } from '../row.ts';
import { cells, grownPages, grows, missingLines, shareOfTime } from './mysql-native.ts';
import { near, percent } from './native.ts';

/** Tables and indexes are read once a minute, statements every 15 s. */
const A_CATALOGUE_S = 90;

const onPrimary = ({ subject }: Finding) => subject === 'my1';

export const MYSQL_ROWS: readonly Row[] = [
  {
    check: 'mysql.connections',
    parts: ['mysql'],
    fault: 'my-connections',
    mine: onPrimary,
    evidence: [/report@10\.77\.\d+\.91 holds 45/, /45 sleep/, /wait_timeout|its pool/],
    figure: async (lab, { value = Number.NaN }) => {
      const [[, used] = [], [, most] = []] = cells(
        await lab.mariadb(
          'my1',
          "SHOW GLOBAL STATUS LIKE 'Threads_connected'; SHOW GLOBAL VARIABLES LIKE 'max_connections';",
        ),
      );
      // One of them asks this.
      const share = (Number(used) - 1) / Number(most);
      return { right: Math.abs(value - share) <= 0.05, says: `${Number(used) - 1} of ${most} connected` };
    },
  },
  {
    check: 'mysql.idle-in-transaction',
    parts: ['mysql'],
    fault: 'my-idle',
    mine: onPrimary,
    evidence: [/shop@10\.77\.\d+\.91/, /10 changes to undo/, /row locks/, /KILL \d+ ends it/],
    figure: async (lab, finding) => {
      const id = /session (\d+)/.exec(finding.summary)?.[1] ?? '0';
      const [[seconds, changes] = []] = cells(
        await lab.mariadb(
          'my1',
          `SELECT p.TIME_MS / 1000, t.trx_rows_modified FROM information_schema.PROCESSLIST p
           JOIN information_schema.INNODB_TRX t ON t.trx_mysql_thread_id = p.ID WHERE p.ID = ${id} AND p.COMMAND = 'Sleep';`,
        ),
      );
      return grows(finding, Number(seconds), `${id} asleep ${seconds} s, ${changes} rows modified`);
    },
  },
  {
    check: 'mysql.long-queries',
    parts: ['mysql'],
    fault: {
      name: 'a report that joins by columns without an index',
      on: (lab) => startMysqlClient(lab, LONG, 'report', LONG_REPORT),
      off: async (lab) => {
        await lab.stopDaemon('client2', LONG);
        // A server at work does not see that its client has gone.
        await lab.mariadb('my1', 'KILL USER report;');
      },
    },
    mine: onPrimary,
    evidence: [
      /report@10\.77\.\d+\.91/,
      /SELECT COUNT\(\*\) FROM invoice_item a JOIN/,
      /KILL QUERY \d+/,
      /"ALL"/,
    ],
    figure: async (lab, finding) => {
      const id = /KILL QUERY (\d+)/.exec(finding.advice ?? '')?.[1] ?? '0';
      const [[seconds, user] = []] = cells(
        await lab.mariadb(
          'my1',
          `SELECT TIME_MS / 1000, USER FROM information_schema.PROCESSLIST WHERE ID = ${id} AND COMMAND = 'Query';`,
        ),
      );
      return grows(finding, Number(seconds), `${id} of ${user} runs for ${seconds} s`);
    },
  },
  {
    check: 'mysql.locks',
    parts: ['mysql'],
    fault: 'my-lock',
    mine: onPrimary,
    evidence: [
      /4 sessions wait/,
      /At the root is session \d+ of shop@10\.77\.\d+\.91 on shop\.invoice/,
      /UPDATE invoice SET total = total - \? WHERE id = \?/,
      /KILL \d+ frees/,
    ],
    figure: async (lab, finding) => {
      const rows = cells(
        await lab.mariadb(
          'my1',
          `SELECT b.trx_mysql_thread_id, b.trx_state, LEAST(TIMESTAMPDIFF(SECOND, r.trx_wait_started, NOW()), p.TIME_MS / 1000)
           FROM information_schema.INNODB_LOCK_WAITS w
           JOIN information_schema.INNODB_TRX r ON r.trx_id = w.requesting_trx_id
           JOIN information_schema.INNODB_TRX b ON b.trx_id = w.blocking_trx_id
           JOIN information_schema.PROCESSLIST p ON p.ID = r.trx_mysql_thread_id;`,
        ),
      );
      const root = rows.find(([, state]) => state !== 'LOCK WAIT')?.[0];
      const longest = Math.max(0, ...rows.map(([, , seconds]) => Number(seconds)));
      const told = grows(finding, longest, `${root} blocks, the longest waits ${longest} s`);
      const named = /At the root is session (\d+)/.exec(finding.summary)?.[1];
      return { ...told, right: told.right && named === root };
    },
  },
  {
    check: 'mysql.hot-queries',
    parts: ['mysql'],
    beside: shop,
    fault: 'my-external-client',
    mine: onPrimary,
    firesWithin: 75,
    evidence: [
      /SELECT c\.name, COUNT\(\*\), SUM\(i\.total\) FROM customer c JOIN invoice i/,
      /calls of/,
      /rows read/,
      /Its plan/,
      /reads (far more rows|rows without an index)/,
    ],
    figure: async (lab, finding) => {
      const share = await shareOfTime(lab, /FROM `customer` `c` JOIN/);
      return near(
        finding,
        share,
        0.15,
        `the report takes ${percent(share)} of performance_schema's statement time`,
      );
    },
  },
  {
    check: 'mysql.missing-index',
    parts: ['mysql'],
    beside: shop,
    fault: 'my-missing-index',
    unaskedWithout: true,
    firesWithin: A_CATALOGUE_S,
    evidence: [
      /invoice_item\.invoice_id points to invoice and has no index/,
      /ALTER TABLE `shop`\.`invoice_item` ADD INDEX `\w+` \(`invoice_id`\), ALGORITHM=INPLACE, LOCK=NONE/,
      /JOIN invoice_item p ON p\.invoice_id = i\.id/,
      /"ALL"/,
    ],
    figure: async (lab, finding) => {
      const share = await shareOfTime(lab, /`invoice_item` `p` ON `p` \. `invoice_id`/);
      const plan = await lab.mariadb(
        'my1',
        'EXPLAIN SELECT SUM(p.amount) FROM invoice i JOIN invoice_item p ON p.invoice_id = i.id WHERE i.id = 7;',
      );
      const type = /\tp\t(\w+)/.exec(plan)?.[1];
      const says = `EXPLAIN: ${type} of invoice_item; its queries take ${percent(share)} of performance_schema's statement time`;
      const told = near(finding, share, 0.2, says);
      return { ...told, right: told.right && type === 'ALL' };
    },
  },
  {
    check: 'mysql.schema-drift',
    parts: ['mysql'],
    fault: 'my-schema-drift',
    firesWithin: A_CATALOGUE_S,
    evidence: [/0002_invoice_paid/, /invoice\.paid/, /not applied here/, /crmdb\.sql/],
    figure: async (lab, finding) => {
      const lost = await missingLines(lab);
      return {
        right: finding.value === lost.length,
        says: `mariadb-dump against the reference lacks ${lost.length} lines: ${lost.join(' ')}`,
      };
    },
  },
  {
    check: 'mysql.replication',
    parts: ['mysql'],
    fault: 'my-replica-lag',
    mine: ({ subject }) => subject === 'my2',
    evidence: [/my2 is \d+ s behind/, /my1:3306/, /table lock/],
    figure: async (lab, finding) => {
      const status = await lab.exec('my2', ['mariadb', '--no-defaults', '-e', 'SHOW SLAVE STATUS\\G']);
      const behind = /Seconds_Behind_Master: (\d+)/.exec(status)?.[1];
      return grows(finding, Number(behind), `Seconds_Behind_Master ${behind}`);
    },
  },
  {
    check: 'mysql.buffer-pool',
    parts: ['mysql'],
    beside: shop,
    fault: 'my-small-pool',
    mine: onPrimary,
    unaskedWithout: true,
    firesWithin: 75,
    // The finding is the mean of a minute.
    figureWithin: 70,
    evidence: [
      /read from disk/,
      /of 8(\.0)? MiB used/,
      /innodb_buffer_pool_size/,
      /FROM invoice_item p WHERE p\.id IN/,
    ],
    figure: async (lab, finding) => {
      const { requests, reads, seconds } = await grownPages(lab);
      const misses = reads / Math.max(1, requests);
      const value = 1 - (finding.value ?? Number.NaN);
      return {
        right: Math.abs(value - misses) <= Math.max(0.02, 0.3 * misses),
        says: `${reads} of ${requests} pages read from disk in ${seconds} s: ${percent(1 - misses)} found in memory`,
      };
    },
  },
] satisfies LabRow[];

const LONG = 'yearly-report';

/** Ends by itself should nobody end it. */
const LONG_REPORT = `
db = connect()
cursor = db.cursor()
cursor.execute("SET STATEMENT max_statement_time = 150 FOR SELECT COUNT(*) FROM invoice_item a JOIN invoice_item b ON a.product_id = b.amount WHERE a.id + b.id < 0")
time.sleep(3600)
`;

const PAGES = 'shop-pages';

/** What a shop asks in good days, some patterns alike in cost, for as long as a row lasts. */
const SHOP_PAGES = `
import random
db = connect()
db.autocommit(True)
cursor = db.cursor()
def ask(statement, *values):
    cursor.execute(statement, values)
    cursor.fetchall()
end = time.monotonic() + 420
while time.monotonic() < end:
    number = random.randrange(1, 5001)
    ask("SELECT name, SLEEP(0.012) FROM customer WHERE id = %s", number)
    ask("SELECT email, SLEEP(0.012) FROM customer WHERE id = %s", number)
    ask("SELECT MAX(id), SLEEP(0.012) FROM invoice WHERE customer_id = %s", number)
    ask("SELECT SUM(total), SLEEP(0.012) FROM invoice WHERE customer_id = %s", number)
    ask("SELECT i.total, COUNT(*), SUM(p.amount) FROM invoice i JOIN invoice_item p ON p.invoice_id = i.id WHERE i.id = %s GROUP BY i.id", number)
    ids = ",".join(str(random.randrange(${LIMITS.invoiceItems})) for _ in range(40))
    ask("SELECT product_id, COUNT(*) FROM invoice_item WHERE id IN (" + ids + ") GROUP BY product_id")
    time.sleep(0.08)
while True:
    time.sleep(3600)
`;

/**
 * What the shop asks in good days: without, nothing would be judged before a fault and once it is over. What visitors
 * ask for stays as it is: other rows look at them at the same time.
 */
function shop(lab: Lab): Promise<void> {
  return startMysqlClient(lab, PAGES, 'shop', SHOP_PAGES);
}
