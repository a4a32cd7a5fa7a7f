import type { Lab } from '../lab/index.ts';
import { Failed } from '../prove/proof.ts';
import { contextAt } from '../src/checks/context.ts';
import type { CollectContext } from '../src/checks/contract.ts';
import { SYSTEMS } from '../src/checks/index.ts';
import type { Stack } from '../src/config/stack.ts';
import { placesOf } from '../src/schedule/places.ts';
import type { Targets } from '../src/targets/contract.ts';
import { type MysqlClient, mysqlLink } from '../src/targets/mysql-link.ts';
import { type PostgresClient, postgresLink } from '../src/targets/postgres-link.ts';

export interface Statements {
  readonly server: string;
  readonly count: number;
  /** Text of the statement with the highest mean, and that mean in ms. */
  readonly slowest: string;
  readonly ms: number;
}
export interface Lock {
  readonly server: string;
  readonly lock: string;
  /** Nobody but a schema change ever waits for it. */
  readonly harmless: boolean;
}
type Server = 'postgres' | 'mysql';

/** What the server itself says of the statements of our role. */
export async function slowestStatement(lab: Lab, server: Server): Promise<Statements> {
  const text =
    server === 'postgres'
      ? await lab.psql(
          'db1',
          `SELECT (SELECT sum(calls) FROM pg_stat_statements WHERE userid = 'warroom'::regrole), mean_exec_time,
             regexp_replace(query, '\\s+', ' ', 'g') FROM pg_stat_statements
           WHERE userid = 'warroom'::regrole AND calls >= 5 ORDER BY mean_exec_time DESC LIMIT 1`,
        )
      : await lab.mariadb(
          'my1',
          `SELECT (SELECT SUM(COUNT_STAR) FROM performance_schema.events_statements_summary_by_digest WHERE DIGEST_TEXT LIKE '%warroom%' OR SCHEMA_NAME IS NULL),
             AVG_TIMER_WAIT / 1e9, REPLACE(DIGEST_TEXT, '\\n', ' ') FROM performance_schema.events_statements_summary_by_digest
           WHERE COUNT_STAR >= 5 AND DIGEST_TEXT REGEXP 'performance_schema|information_schema|SHOW|mysql' ORDER BY AVG_TIMER_WAIT DESC LIMIT 1`,
        );
  const [count = '0', ms = 'NaN', ...words] = text.split(server === 'postgres' ? '|' : '\t');
  return { server, count: Number(count), ms: Number(ms), slowest: words.join(' ') };
}

/** Runs every collector of a system inside one transaction and asks, before its end, which locks that holds. */
export async function strongestLock(stack: Stack, targets: Targets, server: Server): Promise<Lock> {
  const system = SYSTEMS.find(({ id }) => id === server);
  const place = system && placesOf(system, stack, new Map())[0];
  if (!system || !place?.server) throw new Failed(`the lab has no ${server}`);
  const signal = AbortSignal.timeout(30_000);
  const plain = contextAt(place, targets, signal);
  const inOne = (client: PostgresClient | MysqlClient, id: string): CollectContext => ({
    ...plain,
    link: (kind, source, work) => (kind.id === id ? work(client as never) : plain.link(kind, source, work)),
  });
  const collectAll = async (context: CollectContext) => {
    for (const collector of system.collectors) await collector.collect(context, undefined);
  };
  if (server === 'postgres')
    return plain.link(postgresLink, place.server.source, async (client) => {
      await client.rows('BEGIN');
      await collectAll(inOne(client, postgresLink.id));
      const rows = await client.rows(
        `SELECT mode, count(*)::int AS n FROM pg_catalog.pg_locks
         WHERE pid = pg_catalog.pg_backend_pid() AND locktype <> 'virtualxid' GROUP BY mode`,
      );
      await client.rows('ROLLBACK');
      const modes = rows.map((row) => String(row['mode']));
      return {
        server,
        lock: modes.join(', ') || 'none',
        harmless: modes.every((mode) => mode === 'AccessShareLock'),
      };
    });
  return plain.link(mysqlLink, place.server.source, async (client) => {
    await client.ask('START TRANSACTION READ ONLY');
    await collectAll(inOne(client, mysqlLink.id));
    const rows = await client.ask(
      'SELECT COALESCE(SUM(trx_rows_locked + trx_tables_locked), 0) AS locked FROM information_schema.INNODB_TRX WHERE trx_mysql_thread_id = CONNECTION_ID()',
    );
    await client.ask('ROLLBACK');
    const locked = Number(rows[0]?.get('locked') ?? 0);
    return {
      server,
      lock: locked === 0 ? 'no row, no table' : `${locked} rows or tables`,
      harmless: locked === 0,
    };
  });
}
