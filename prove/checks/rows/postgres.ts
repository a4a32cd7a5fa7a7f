import type { Finding } from '../../../src/checks/contract.ts';
import type { LabRow, Row } from '../row.ts';
import { grown, near, percent } from './native.ts';
import {
  longReport,
  oldTransactions,
  readsTheArchive,
  replicaLag,
  shop,
  updatesBehindASnapshot,
} from './postgres-faults.ts';
import { asked, figuresOf, missingLines, shareOfTime } from './postgres-native.ts';

/** Read every 5 s, judged at once; what still grows is so much older when the server is asked. */
const AGE_S = 6;
/** Tables are read every 20 s, the schema every 60 s; rates need two looks. */
const TWO_LOOKS_S = 75;
const A_SCHEMA_S = 90;

const PRODUCT = 'SELECT name FROM product WHERE id = $1';

const onPrimary = ({ subject }: Finding) => subject === undefined;

export const POSTGRES_ROWS: readonly Row[] = [
  {
    check: 'postgres.connections',
    parts: ['postgres'],
    fault: 'connection-leak',
    mine: onPrimary,
    evidence: [
      /shop from 10\.77\.\d+\.\d+ holds \d+/,
      /"shop","10\.77\.\d+\.\d+","shop",\d+,\d+/,
      /do nothing: a client that opens and does not close them/,
    ],
    figure: async (lab, finding) => {
      const [[used = '', most = ''] = []] = await asked(
        lab,
        `SELECT count(*) - 1, current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
         FROM pg_stat_activity WHERE backend_type = 'client backend'`,
      );
      return near(
        finding,
        Number(used) / Number(most),
        0.03,
        `${used} client backends of ${most} for ordinary roles`,
      );
    },
  },
  {
    check: 'postgres.idle-in-transaction',
    parts: ['postgres'],
    fault: 'idle-in-transaction',
    mine: onPrimary,
    evidence: [
      /6 transactions are left open/,
      /by shop from 10\.77\.\d+\.\d+/,
      /SELECT customer FROM orders WHERE id = \?/,
      /pg_terminate_backend\(pid\) FROM pg_stat_activity WHERE pid = \d+/,
      /idle_in_transaction_session_timeout/,
    ],
    figure: async (lab, finding) => {
      const [[pid = '', seconds = ''] = []] = await asked(
        lab,
        `SELECT pid, extract(epoch FROM now() - state_change)::numeric(9, 1) FROM pg_stat_activity
         WHERE state = 'idle in transaction' ORDER BY state_change LIMIT 1`,
      );
      const told = near(
        finding,
        Number(seconds),
        AGE_S,
        `process ${pid} idle in transaction for ${seconds} s`,
      );
      return { ...told, right: told.right && finding.advice?.includes(`pid = ${pid} `) === true };
    },
  },
  {
    check: 'postgres.long-queries',
    parts: ['postgres'],
    fault: longReport,
    mine: onPrimary,
    evidence: [
      /by shop from 10\.77\.\d+\.\d+/,
      /SELECT count\(\*\) FROM order_item a JOIN order_item b ON a\.product_id = b\.amount/,
      /Its plan/,
      /Seq Scan on order_item/,
      /pg_cancel_backend\(pid\) FROM pg_stat_activity WHERE pid = \d+/,
    ],
    figure: async (lab, finding) => {
      const [[pid = '', seconds = ''] = []] = await asked(
        lab,
        `SELECT pid, extract(epoch FROM clock_timestamp() - query_start)::numeric(9, 1) FROM pg_stat_activity
         WHERE state = 'active' AND backend_type = 'client backend' AND pid <> pg_backend_pid()
         ORDER BY query_start LIMIT 1`,
      );
      const told = near(finding, Number(seconds), AGE_S, `process ${pid} runs for ${seconds} s`);
      return { ...told, right: told.right && finding.advice?.includes(`pid = ${pid} `) === true };
    },
  },
  {
    check: 'postgres.locks',
    parts: ['postgres'],
    fault: 'lock-pile-up',
    mine: onPrimary,
    evidence: [
      /at the root is process \d+ \(shop from 10\.77\.\d+\.\d+, idle in transaction/,
      /UPDATE product SET sold = sold WHERE id <= \?/,
      /UPDATE product SET sold = sold \+ \? WHERE id = \?/,
      /End the root, not those who wait: SELECT pg_terminate_backend/,
    ],
    figure: async (lab, finding) => {
      const [[waiters = '', longest = '', root = ''] = []] = await asked(
        lab,
        `SELECT count(*), max(extract(epoch FROM now() - query_start))::numeric(9, 1),
           (SELECT r.pid FROM pg_stat_activity r WHERE cardinality(pg_blocking_pids(r.pid)) = 0
             AND r.pid IN (SELECT unnest(pg_blocking_pids(w.pid)) FROM pg_stat_activity w) LIMIT 1)
         FROM pg_stat_activity WHERE wait_event_type = 'Lock'`,
      );
      const told = near(
        finding,
        Number(longest),
        AGE_S,
        `${waiters} wait, the longest for ${longest} s; pg_blocking_pids leads to ${root}`,
      );
      return { ...told, right: told.right && finding.advice?.includes(`pid = ${root} `) === true };
    },
  },
  {
    check: 'postgres.hot-queries',
    parts: ['web', 'postgres'],
    fault: 'hot-query',
    mine: onPrimary,
    unaskedWithout: true,
    firesWithin: TWO_LOOKS_S,
    evidence: [
      /SELECT name FROM product WHERE id = \$1/,
      /fetch these rows in one statement|keep its result in the cache/,
    ],
    figure: async (lab, finding) => {
      if (finding.unit === 'share') {
        const share = await shareOfTime(lab, `query = '${PRODUCT}'`, 10);
        return near(finding, share, 0.12, `pg_stat_statements: ${percent(share)} of the time of statements`);
      }
      const sql = `SELECT 'calls', sum(calls) FROM pg_stat_statements WHERE query = '${PRODUCT}'`;
      const { calls = 0, seconds } = await grown(() => figuresOf(lab, sql), 10);
      const { rate = 0, hitShare = 0 } = lab.report() ?? {};
      const requests = rate * (1 - hitShare);
      const each = calls / seconds / requests;
      const says = `${calls} calls in ${seconds.toFixed(1)} s at ${requests.toFixed(1)} requests/s past the cache: ${each.toFixed(1)} each`;
      return near(finding, each, 0.25 * each, says);
    },
  },
  {
    check: 'postgres.missing-index',
    parts: ['web', 'postgres'],
    fault: 'missing-index',
    firesWithin: TWO_LOOKS_S,
    evidence: [
      /order_item \(order_id\) points at .*orders and has no index/,
      /FROM order_item WHERE order_id = \$\d/,
      /Seq Scan on order_item/,
      /CREATE INDEX CONCURRENTLY ON public\.order_item \(order_id\);/,
    ],
    figure: async (lab, finding) => {
      const sql = "SELECT 'rows', seq_tup_read FROM pg_stat_user_tables WHERE relname = 'order_item'";
      const { rows = 0, seconds } = await grown(() => figuresOf(lab, sql), 6);
      const rate = rows / seconds;
      return near(
        finding,
        rate,
        0.35 * rate,
        `seq_tup_read of order_item grows by ${Math.round(rate)} a second`,
      );
    },
  },
  {
    check: 'postgres.schema-drift',
    parts: ['postgres'],
    fault: 'schema-drift',
    quietWithin: A_SCHEMA_S,
    firesWithin: A_SCHEMA_S,
    evidence: [/shop\.0002_product_sold/, /column sold on public\.product/, /Apply what was not applied/],
    figure: async (lab, finding) => {
      const lost = await missingLines(lab);
      return {
        right: finding.value === lost.length,
        says: `pg_dump against the reference lacks ${lost.length} lines: ${lost.map((line) => line.trim()).join(' ')}`,
      };
    },
  },
  {
    check: 'postgres.replication',
    parts: ['postgres'],
    beside: shop,
    fault: replicaLag,
    mine: ({ subject }) => subject === 'db2',
    evidence: [
      /Replica db2 is .* behind/,
      /its replay is paused/,
      /"db2","10\.77\.\d+\.52","streaming"/,
      /On db2: SELECT pg_wal_replay_resume\(\);/,
    ],
    figure: async (lab, finding) => {
      const [[seconds = '', paused = ''] = []] = await asked(
        lab,
        'SELECT extract(epoch FROM now() - pg_last_xact_replay_timestamp())::numeric(9, 1), pg_get_wal_replay_pause_state()',
        'db2',
      );
      return near(
        finding,
        Number(seconds),
        AGE_S,
        `its last replayed transaction is ${seconds} s old, replay ${paused}`,
      );
    },
  },
  {
    check: 'postgres.cache',
    parts: ['postgres'],
    beside: shop,
    fault: readsTheArchive,
    mine: onPrimary,
    clearsWithin: 120,
    evidence: [/public\.archive/, /are read\./, /an index helps more than memory\. Then shared_buffers/],
    figure: async (lab, finding) => {
      const sql = `SELECT 'hits', sum(blks_hit) FROM pg_stat_database
        UNION ALL SELECT 'reads', sum(blks_read) FROM pg_stat_database`;
      const { hits = 0, reads = 0 } = await grown(() => figuresOf(lab, sql), 10);
      const share = hits / (hits + reads);
      const says = `pg_stat_database: ${reads} of ${hits + reads} blocks read in 10 s, ${percent(share)} found`;
      return near(finding, share, 0.1, says);
    },
  },
  {
    check: 'postgres.bloat',
    parts: ['postgres'],
    fault: updatesBehindASnapshot,
    evidence: [
      /of the rows of public\.product are dead/,
      /Vacuum cannot take them while session \d+ of shop \(idle in transaction\) needs them/,
    ],
    figure: async (lab, finding) => {
      const [[dead = '', live = ''] = []] = await asked(
        lab,
        "SELECT n_dead_tup, n_live_tup FROM pg_stat_user_tables WHERE relname = 'product'",
      );
      const share = Number(dead) / (Number(dead) + Number(live));
      return near(finding, share, 0.03, `n_dead_tup ${dead}, n_live_tup ${live}: ${percent(share)}`);
    },
  },
  {
    check: 'postgres.wraparound',
    // It restarts the database that visitors need.
    parts: ['postgres'],
    fault: oldTransactions,
    evidence: [
      /The oldest transactions of \w+ are 17\d,\d+ old/,
      /"transactions",17\d+,100000/,
      /session \d+ of shop \(idle in transaction\)/,
    ],
    figure: async (lab, finding) => {
      const [[database = '', age = '', most = ''] = []] = await asked(
        lab,
        `SELECT datname, age(datfrozenxid), current_setting('autovacuum_freeze_max_age') FROM pg_database
         ORDER BY 2 DESC LIMIT 1`,
      );
      const value = Number(age) / Number(most);
      return near(
        finding,
        value,
        0.02,
        `age(datfrozenxid) of ${database} is ${age}, autovacuum_freeze_max_age ${most}`,
      );
    },
  },
] satisfies LabRow[];
