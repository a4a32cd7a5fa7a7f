import type { MysqlClient, MysqlRow } from '../../targets/mysql-link.ts';
import { text } from './rows.ts';

/**
 * What a server has, seen from its own catalogue: nothing is concluded from a version. MySQL 5.7, 8.0 and 8.4 and
 * MariaDB 10.5 to 11 differ in these columns; the choices are tested on recorded and written catalogues of each.
 */
export interface Has {
  /** Columns as `table.column`, lower case. */
  readonly columns: ReadonlySet<string>;
  /** Whether performance_schema is switched on; its tables may be there and empty. */
  readonly statistics: boolean;
  readonly mariadb: boolean;
}

/** The statements that suit a server; undefined where it has nothing that answers. */
export interface Questions {
  /** columns: id user host db command seconds state info; examined on some. */
  readonly sessions: string;
  readonly transactions: string;
  /** columns: waiter blocker object mode seconds. */
  readonly lockWaits: string | undefined;
  /** The same, for locks of whole tables; undefined where the server does not tell them. */
  readonly metadataWaits: string | undefined;
  readonly digests: string | undefined;
  readonly accounts: string | undefined;
  readonly programs: string | undefined;
}

const TABLES = [
  'processlist',
  'threads',
  'innodb_trx',
  'innodb_locks',
  'innodb_lock_waits',
  'data_locks',
  'data_lock_waits',
  'metadata_locks',
  'metadata_lock_info',
  'events_statements_summary_by_digest',
  'events_statements_summary_by_account_by_event_name',
  'session_connect_attrs',
] as const;

export const CATALOGUE_QUESTION = `SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t, COLUMN_NAME AS c FROM information_schema.COLUMNS
WHERE TABLE_SCHEMA IN ('information_schema', 'performance_schema') AND TABLE_NAME IN (${TABLES.flatMap((name) => [`'${name}'`, `'${name.toUpperCase()}'`]).join(', ')})`;

const known = new WeakMap<MysqlClient, Promise<Has>>();

/**
 * What the client's server has; asked once a connection, since a restart ends it. `again` asks anew: a GRANT makes
 * tables appear.
 */
export function capabilities(client: MysqlClient, again = false): Promise<Has> {
  const found =
    (again ? undefined : known.get(client)) ??
    client.ask(CATALOGUE_QUESTION).then(async (rows) => {
      const [on] = await client.ask("SHOW GLOBAL VARIABLES LIKE 'performance_schema'");
      return has(rows, on ? text(on, 'value') : 'OFF', client.mariadb);
    });
  known.set(client, found);
  found.catch(() => known.delete(client));
  return found;
}

export function has(rows: readonly MysqlRow[], performanceSchema: string, mariadb: boolean): Has {
  const columns = rows.map((row) =>
    // Both schemas have a table of this name, with different columns.
    `${text(row, 's') === 'performance_schema' && /^processlist$/i.test(text(row, 't')) ? 'performance_' : ''}${text(row, 't')}.${text(row, 'c')}`.toLowerCase(),
  );
  return { columns: new Set(columns), statistics: /^(ON|1)$/i.test(performanceSchema), mariadb };
}

const SECONDS_SINCE = (column: string) => `TIMESTAMPDIFF(MICROSECOND, ${column}, NOW(6)) / 1000000`;
/** Of a query's text: enough to tell it by, not a letter that somebody stored. */
const MOST_TEXT = 1000;
/** A text of this length may have been cut: it is shown, and not explained. */
export const MOST_DIGEST_TEXT = 2000;
export const MOST_SESSIONS = 2000;
const MOST_WAITS = 500;

export function questions(has: Has): Questions {
  const there = (column: string) => has.columns.has(column);
  return {
    sessions: sessions(there),
    transactions: `SELECT trx_mysql_thread_id AS id, trx_state AS state, ${SECONDS_SINCE('trx_started')} AS seconds,
      trx_rows_locked AS locked, trx_rows_modified AS modified, trx_tables_locked AS tables_locked
      FROM information_schema.INNODB_TRX LIMIT ${MOST_SESSIONS}`,
    lockWaits: lockWaits(there),
    metadataWaits: metadataWaits(there, has.statistics),
    digests:
      has.statistics && there('events_statements_summary_by_digest.digest_text') ? digests(there) : undefined,
    accounts:
      has.statistics && there('events_statements_summary_by_account_by_event_name.sum_timer_wait')
        ? `SELECT USER AS user, HOST AS host, SUM(SUM_TIMER_WAIT) / 1e12 AS busy, SUM(COUNT_STAR) AS calls
           FROM performance_schema.events_statements_summary_by_account_by_event_name
           WHERE COUNT_STAR > 0 AND USER IS NOT NULL AND EVENT_NAME NOT LIKE 'statement/com/Binlog Dump%'
           GROUP BY USER, HOST LIMIT ${MOST_SESSIONS}`
        : undefined,
    programs:
      has.statistics && there('session_connect_attrs.attr_value')
        ? `SELECT PROCESSLIST_ID AS id, ATTR_VALUE AS program FROM performance_schema.session_connect_attrs
           WHERE ATTR_NAME = 'program_name' LIMIT ${MOST_SESSIONS}`
        : undefined,
  };
}

function sessions(there: (column: string) => boolean): string {
  // MySQL's information_schema.PROCESSLIST holds a lock that all new connections need; this one does not.
  const from = there('performance_processlist.info')
    ? 'performance_schema.processlist'
    : 'information_schema.PROCESSLIST';
  const seconds = there('processlist.time_ms') ? 'TIME_MS / 1000' : 'TIME';
  const examined = there('processlist.examined_rows') ? 'EXAMINED_ROWS' : 'NULL';
  return `SELECT ID AS id, USER AS user, HOST AS host, DB AS db, COMMAND AS command, ${seconds} AS seconds, STATE AS state,
    LEFT(INFO, ${MOST_TEXT}) AS info, ${examined} AS examined, SUBSTRING_INDEX(USER(), '@', 1) = USER AS ours
    FROM ${from} WHERE ID <> CONNECTION_ID() ORDER BY COMMAND = 'Sleep', TIME DESC LIMIT ${MOST_SESSIONS}`;
}

/** Those who wait for somebody who does not wait himself come first: they lead to the root. */
function lockWaits(there: (column: string) => boolean): string | undefined {
  if (there('innodb_lock_waits.blocking_trx_id'))
    return `SELECT r.trx_mysql_thread_id AS waiter, b.trx_mysql_thread_id AS blocker, l.lock_table AS object, l.lock_mode AS mode,
      ${SECONDS_SINCE('r.trx_wait_started')} AS seconds
      FROM information_schema.INNODB_LOCK_WAITS w
      JOIN information_schema.INNODB_TRX r ON r.trx_id = w.requesting_trx_id
      JOIN information_schema.INNODB_TRX b ON b.trx_id = w.blocking_trx_id
      LEFT JOIN information_schema.INNODB_LOCKS l ON l.lock_id = w.requested_lock_id
      ORDER BY b.trx_state = 'LOCK WAIT', b.trx_started LIMIT ${MOST_WAITS}`;
  if (there('data_lock_waits.blocking_engine_transaction_id'))
    return `SELECT r.trx_mysql_thread_id AS waiter, b.trx_mysql_thread_id AS blocker,
      CONCAT(l.OBJECT_SCHEMA, '.', l.OBJECT_NAME) AS object, l.LOCK_MODE AS mode, ${SECONDS_SINCE('r.trx_wait_started')} AS seconds
      FROM performance_schema.data_lock_waits w
      JOIN information_schema.INNODB_TRX r ON r.trx_id = w.REQUESTING_ENGINE_TRANSACTION_ID
      JOIN information_schema.INNODB_TRX b ON b.trx_id = w.BLOCKING_ENGINE_TRANSACTION_ID
      LEFT JOIN performance_schema.data_locks l ON l.ENGINE_LOCK_ID = w.REQUESTING_ENGINE_LOCK_ID
      ORDER BY b.trx_state = 'LOCK WAIT', b.trx_started LIMIT ${MOST_WAITS}`;
  return undefined;
}

function metadataWaits(there: (column: string) => boolean, statistics: boolean): string | undefined {
  if (statistics && there('metadata_locks.owner_thread_id') && there('threads.processlist_id'))
    return `SELECT wt.PROCESSLIST_ID AS waiter, bt.PROCESSLIST_ID AS blocker,
      CONCAT(w.OBJECT_SCHEMA, '.', w.OBJECT_NAME) AS object, w.LOCK_TYPE AS mode, wt.PROCESSLIST_TIME AS seconds
      FROM performance_schema.metadata_locks w
      JOIN performance_schema.metadata_locks b ON b.LOCK_STATUS = 'GRANTED' AND b.OBJECT_TYPE = w.OBJECT_TYPE
        AND b.OBJECT_SCHEMA = w.OBJECT_SCHEMA AND b.OBJECT_NAME = w.OBJECT_NAME AND b.OWNER_THREAD_ID <> w.OWNER_THREAD_ID
      JOIN performance_schema.threads wt ON wt.THREAD_ID = w.OWNER_THREAD_ID
      JOIN performance_schema.threads bt ON bt.THREAD_ID = b.OWNER_THREAD_ID
      WHERE w.LOCK_STATUS = 'PENDING' LIMIT ${MOST_WAITS}`;
  // A plugin of MariaDB's that may be installed.
  if (there('metadata_lock_info.thread_id'))
    return `SELECT w.ID AS waiter, b.THREAD_ID AS blocker, CONCAT(b.TABLE_SCHEMA, '.', b.TABLE_NAME) AS object, b.LOCK_MODE AS mode, w.TIME AS seconds
      FROM information_schema.PROCESSLIST w JOIN information_schema.METADATA_LOCK_INFO b
        ON b.TABLE_SCHEMA = w.DB AND b.THREAD_ID <> w.ID AND b.TABLE_NAME <> ''
      WHERE w.STATE = 'Waiting for table metadata lock' AND LOCATE(b.TABLE_NAME, w.INFO) > 0 LIMIT ${MOST_WAITS}`;
  return undefined;
}

/** Those that were asked lately; a NULL digest stands for all that found no place in the table. */
function digests(there: (column: string) => boolean): string {
  const table = 'events_statements_summary_by_digest';
  const sample = there(`${table}.quantile_95`) ? 'QUANTILE_95 / 1e12' : 'NULL';
  return `SELECT SCHEMA_NAME AS db, DIGEST AS digest, LEFT(DIGEST_TEXT, ${MOST_DIGEST_TEXT}) AS text, COUNT_STAR AS calls,
    SUM_TIMER_WAIT / 1e12 AS busy, SUM_LOCK_TIME / 1e12 AS locked, SUM_ERRORS AS errors, SUM_ROWS_SENT AS sent,
    SUM_ROWS_EXAMINED AS examined, SUM_NO_INDEX_USED + SUM_NO_GOOD_INDEX_USED AS no_index, ${sample} AS p95,
    SUM_CREATED_TMP_DISK_TABLES AS disk_tables, FIRST_SEEN AS first_seen
    FROM performance_schema.${table} WHERE LAST_SEEN >= NOW() - INTERVAL ? SECOND OR DIGEST IS NULL
    ORDER BY SUM_TIMER_WAIT DESC LIMIT ?`;
}
