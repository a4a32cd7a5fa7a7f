import { type Sessions, startSessions, stopSessions } from '../../../lab/faults/database-sessions.ts';
import type { Lab } from '../../../lab/index.ts';
import { eventually } from '../../proof.ts';
import type { LabRow } from '../row.ts';
import { asked } from './postgres-native.ts';

type Fault = Exclude<LabRow['fault'], string>;

/** As long as a row lasts; whatever is forgotten ends by itself. */
const A_ROW_S = 240;

function sessions(name: string, summary: string, wanted: Omit<Sessions, 'seconds'>): Fault {
  return {
    name: summary,
    on: (lab) => startSessions(lab, name, { ...wanted, seconds: A_ROW_S }),
    off: (lab) => stopSessions(lab, name),
  };
}

/** PostgreSQL looks after its client while it computes, so that its query ends with it. */
const LOOK_AFTER = "SET client_connection_check_interval = '1s'";

export const longReport = sessions('long-report', 'a report joins by a column that has no index', {
  count: 1,
  through: 'database',
  sql: [LOOK_AFTER, "SET statement_timeout = '150s'", 'SET max_parallel_workers_per_gather = 0'],
  again:
    'SELECT count(*) FROM order_item a JOIN order_item b ON a.product_id = b.amount WHERE a.id + b.id < 0',
});

/** What a shop asks in good days, through its pool: without, nothing would be judged before a fault and behind it. */
const PAGES: Sessions = {
  count: 2,
  through: 'pool',
  sql: [],
  again: 'SELECT count(*), sum(total) FROM orders WHERE id <= 20000',
  pauseSeconds: 0.2,
  seconds: 420,
};
const BUYS: Sessions = {
  ...PAGES,
  count: 1,
  again: 'UPDATE product SET sold = sold + 1 WHERE id = 7',
  pauseSeconds: 0.5,
};

/** That traffic, for a row's time. */
export async function shop(lab: Lab): Promise<void> {
  await startSessions(lab, 'shop-pages', PAGES);
  await startSessions(lab, 'shop-buys', BUYS);
}

export const replicaLag: Fault = {
  name: 'replica-lag',
  on: async (lab) => {
    // From here on the age of what it replayed last is how far it is behind.
    await eventually(
      'the replica to follow',
      async () => {
        const age = 'SELECT extract(epoch FROM now() - pg_last_xact_replay_timestamp())';
        const [[seconds = ''] = []] = await asked(lab, age, 'db2');
        return seconds !== '' && Number(seconds) < 2 ? true : undefined;
      },
      20_000,
    );
    await lab.fault('replica-lag', true);
  },
  off: (lab) => lab.fault('replica-lag', false),
};

/**
 * 130 MB, of which each page is nearly empty: made in a moment, read like any other. Vacuumed at once: a first reader
 * would write to its pages, which then stay in memory.
 */
const ARCHIVE = `CREATE UNLOGGED TABLE IF NOT EXISTS archive WITH (fillfactor = 10, autovacuum_enabled = false) AS
  SELECT n AS id, repeat('.', 60) AS note FROM generate_series(1, 120000) n;
VACUUM (FREEZE, ANALYZE) archive;
GRANT SELECT ON archive TO shop;`;

const reader = sessions('archive-reader', '', {
  count: 1,
  through: 'database',
  sql: [LOOK_AFTER, 'SET max_parallel_workers_per_gather = 0'],
  again: 'SELECT count(*) FROM archive WHERE note = $$never$$',
  pauseSeconds: 0.5,
});

export const readsTheArchive: Fault = {
  name: 'a table of twice shared_buffers is read again and again',
  on: async (lab) => {
    await lab.psql('db1', ARCHIVE);
    await reader.on(lab);
  },
  off: async (lab) => {
    await reader.off(lab);
    await lab.psql('db1', "SET lock_timeout = '10s'; DROP TABLE IF EXISTS archive;");
  },
};

const snapshot = sessions('old-snapshot', '', {
  count: 1,
  through: 'database',
  sql: ['BEGIN ISOLATION LEVEL REPEATABLE READ', 'SELECT sum(sold) FROM product'],
});

export const updatesBehindASnapshot: Fault = {
  name: 'an old snapshot stays open while products are updated',
  on: async (lab) => {
    await snapshot.on(lab);
    await eventually('the snapshot', () => holds(lab, 'backend_xmin IS NOT NULL'), 15_000);
    await lab.psql(
      'db1',
      `DO $$ BEGIN
  FOR i IN 0..1199 LOOP
    UPDATE product SET sold = sold WHERE id BETWEEN i % 50 * 20 + 1 AND i % 50 * 20 + 20;
    COMMIT;
  END LOOP;
END $$;`,
    );
  },
  off: async (lab) => {
    await snapshot.off(lab);
    await eventually('the snapshot to be gone', async () => !(await holds(lab, 'true')) || undefined, 15_000);
    await lab.psql('db1', 'VACUUM ANALYZE product;');
  },
};

const unfinished = sessions('unfinished', '', {
  count: 1,
  through: 'database',
  sql: ['BEGIN', 'SELECT pg_current_xact_id()'],
});

/** The least that PostgreSQL takes for it, and half as much again and some. */
const FREEZE_MAX = 100_000;
const CONSUMED = 175_000;

export const oldTransactions: Fault = {
  name: 'an open transaction keeps ids from being frozen while 175,000 are used (autovacuum_freeze_max_age is at its least)',
  on: async (lab) => {
    await lab.psql(
      'db1',
      `ALTER SYSTEM SET autovacuum_freeze_max_age = ${FREEZE_MAX};
ALTER SYSTEM SET autovacuum_naptime = '4s';`,
    );
    await restart(lab);
    await unfinished.on(lab);
    await eventually('the transaction', () => holds(lab, 'backend_xid IS NOT NULL'), 15_000);
    await lab.boosted('db1', async () => {
      await lab.psql(
        'db1',
        `DO $$ BEGIN
  FOR i IN 1..${CONSUMED} LOOP
    PERFORM pg_current_xact_id();
    COMMIT;
  END LOOP;
END $$;`,
      );
    });
  },
  off: async (lab) => {
    await unfinished.off(lab);
    // Autovacuum does the work once nothing holds it up; the settings go back when it is done.
    await eventually(
      'autovacuum to freeze',
      async () => {
        const [[age = Number.NaN] = []] = await asked(lab, 'SELECT max(age(datfrozenxid)) FROM pg_database');
        return Number(age) < FREEZE_MAX ? true : undefined;
      },
      75_000,
      2000,
    );
    await lab.psql(
      'db1',
      'ALTER SYSTEM RESET autovacuum_freeze_max_age;\nALTER SYSTEM RESET autovacuum_naptime;',
    );
    await restart(lab);
  },
};

async function restart(lab: Lab): Promise<void> {
  await lab.stopServer('postgres@db1');
  await lab.boosted('db1', () => lab.startServer('postgres@db1'));
}

async function holds(lab: Lab, what: string): Promise<true | undefined> {
  const rows = await asked(
    lab,
    `SELECT pid FROM pg_stat_activity WHERE usename = 'shop' AND state = 'idle in transaction' AND ${what}`,
  );
  return rows.length > 0 ? true : undefined;
}
