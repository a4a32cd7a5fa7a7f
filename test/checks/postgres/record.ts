/**
 * Records the fixtures of PostgreSQL from servers that it starts: `npx tsx test/checks/postgres/record.ts`.
 * What is expected of them is written by golden.test.ts with UPDATE_FIXTURES=1; look at the difference.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { postgres } from '../../../src/checks/postgres/index.ts';
import { FIXTURES, keepRecording, type Recording } from './recording.ts';
import { PostgresServers } from './servers.ts';
import { asks, recorded, type Stage, stageOn, untilTrue } from './stage.ts';

const numbers = (count: number) => Array.from({ length: count }, (_, n) => [n + 1]);
const BY_ORDER = 'SELECT amount FROM order_item WHERE order_id = $1';
const BY_ID = "SELECT customer FROM orders WHERE id = $1 AND customer <> 'hunter2'";

/** Both cases, one after the other on one stage. */
export async function recordings(servers: PostgresServers): Promise<Record<'healthy' | 'locked', Recording>> {
  const stage = await stageOn(servers);
  return { healthy: await healthy(stage), locked: await locked(stage) };
}

function healthy(stage: Stage): Promise<Recording> {
  const { primary } = stage;
  return recorded(stage, postgres, [
    async () => {
      const visitor = await stage.web('127.0.0.21');
      await visitor.query('SELECT 1');
      await primary.sql('SELECT pg_stat_statements_reset()');
      // Calls are counted from the second look on that sees a statement.
      for (const text of [BY_ORDER, BY_ID]) await asks(primary, text, numbers(1));
      await streamed(stage);
    },
    async () => {
      await asks(primary, BY_ORDER, numbers(200));
      await asks(primary, BY_ID, numbers(40));
      await streamed(stage);
    },
  ]);
}

/** The index is gone, a visitor's transaction stays open before three that wait, two queries run long, replay stands. */
function locked(stage: Stage): Promise<Recording> {
  const { primary, db2 } = stage;
  return recorded(stage, postgres, [
    async () => {
      await primary.sql(
        'DROP INDEX order_item_order',
        "DELETE FROM django_migrations WHERE name = '0002_order_item_index'",
        'SELECT pg_stat_statements_reset()',
      );
      await asks(primary, BY_ORDER, numbers(1));
      await streamed(stage);
    },
    async () => {
      await asks(primary, BY_ORDER, numbers(100));
      await db2.sql('SELECT pg_wal_replay_pause()');
      await primary.sql('UPDATE order_item SET amount = amount + 1');
      await primary.sql("INSERT INTO orders SELECT 9000 + n, 'late', 1 FROM generate_series(1, 10) n");
      const report = await primary.session('report', 'leaky');
      await report.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
      await report.query("SELECT id FROM orders WHERE customer = 'hunter2'");
      const visitor = await stage.web('127.0.0.21');
      await visitor.query('BEGIN');
      await visitor.query("UPDATE product SET name = 'hunter2' WHERE id = 1");
      await runs(stage, 'shop', 'checkout', "UPDATE product SET name = 'hunter2 too' WHERE id = 1");
      await runs(stage, 'shop', 'migrate', 'ALTER TABLE product ADD COLUMN note text');
      await runs(stage, 'report', 'dashboard', 'SELECT name FROM product WHERE id = 2');
      await runs(
        stage,
        'report',
        'nightly',
        'SELECT count(*), pg_sleep(60) FROM order_item WHERE order_id = 17 AND amount <> 424242',
      );
      await runs(stage, 'report', 'stocktaking', 'SELECT id, pg_sleep(60) FROM stock.shelf WHERE id = 17');
      await untilTrue(db2, 'pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn()');
      // From a second on a query is one that runs long, and has its plan asked for.
      await untilTrue(
        primary,
        `SELECT count(*) = 5 FROM pg_stat_activity WHERE state = 'active' AND backend_type = 'client backend'
          AND pid <> pg_backend_pid() AND clock_timestamp() - query_start > interval '1.2 s'`,
      );
    },
  ]);
}

/** Runs until the server ends; it is begun when the server has it. */
async function runs({ primary }: Stage, role: string, application: string, text: string): Promise<void> {
  const session = await primary.session(role, application);
  session.query(text).catch(() => undefined);
  await untilTrue(
    primary,
    `SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = '${application}' AND state = 'active'
      AND (wait_event_type = 'Lock' OR wait_event = 'PgSleep')`,
  );
}

/** Everything that was written is replayed, and the primary knows it. */
function streamed({ primary }: Stage): Promise<void> {
  return untilTrue(primary, 'SELECT bool_and(replay_lsn = pg_current_wal_lsn()) FROM pg_stat_replication');
}

const ABOUT: Readonly<Record<string, string>> = {
  healthy:
    'Between the looks one session of role shop read 200 times by order_id, with the index, and 40 orders by id, and left. A visitor (127.0.0.21) keeps a session through PgBouncer.',
  locked:
    'The index of the foreign key and the row of its migration are gone. Between the looks: 100 reads by order_id; every row of order_item changed once, while replay on db2 is paused; then a visitor (127.0.0.21, through PgBouncer) leaves a transaction open that changed product 1, checkout and migrate and dashboard wait behind it, leaky lies idle in a REPEATABLE READ, and nightly and stocktaking run over a second.',
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const servers = new PostgresServers();
  try {
    for (const [name, recording] of Object.entries(await recordings(servers))) {
      const major = Math.floor((recording.servers['primary']?.version ?? 0) / 10_000);
      keepRecording(
        join(FIXTURES, 'postgres', String(major), name),
        recording,
        `Recorded ${new Date().toISOString().slice(0, 10)} from PostgreSQL ${major} and PgBouncer of Debian 12 by test/checks/postgres/record.ts: what each
statement of the collectors was answered in two looks, by the primary, its replica db2, the database that the schema is
compared with, and the console of the pooler before it.

${ABOUT[name]}

Ports and the folder of the servers are replaced (5432, 5433, 6432, /srv/shop). Nothing else is redacted: the data are the
recorder's own, and "hunter2" stands for what must not be shown.
`,
      );
    }
  } finally {
    await servers.stop();
  }
}
