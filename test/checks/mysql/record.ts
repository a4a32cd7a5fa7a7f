/**
 * Records the fixtures of MariaDB from a server that it starts: `npx tsx test/checks/mysql/record.ts`.
 * What is expected of them is written by versions.test.ts with UPDATE_FIXTURES=1; look at the difference.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CATALOGUE_QUESTION, has, questions } from '../../../src/checks/mysql/capabilities.ts';
import { withServer } from '../../../src/checks/mysql/collect.ts';
import { mysql } from '../../../src/checks/mysql/index.ts';
import type { MysqlClient } from '../../../src/targets/mysql-link.ts';
import { FIXTURES, topicOf } from './replay.ts';
import { Rounds } from './rounds.ts';
import { type MariaDb, Servers, SHOP, until } from './servers.ts';

const VERSION = 'mariadb-10.11';

/** Runs the collectors with a client that keeps what it was answered. */
async function record(rounds: Rounds, name: string): Promise<void> {
  const rows: Record<string, unknown[]> = {};
  const context = rounds.context();
  await withServer(context, async (client) => {
    const columns = await client.ask(CATALOGUE_QUESTION);
    const ask = questions(has(columns, 'ON', true));
    const listening: MysqlClient = {
      ...client,
      ask: async (sql, values) => {
        const found = await client.ask(sql, values);
        rows[topicOf(sql, ask)] = found.map((row) => Object.fromEntries(row));
        return found;
      },
    };
    const listened = {
      ...context,
      link: (_k: unknown, _s: unknown, work: (one: never) => unknown) => work(listening as never),
    };
    for (const id of ['activity', 'statements', 'replication'])
      await mysql.collectors
        .find((one) => one.id === id)
        ?.collect(listened as unknown as typeof context, undefined);
    const tables: Record<string, string[]> = {};
    for (const row of columns) {
      const table = `${row.get('s')}.${row.get('t')}`;
      tables[table] = [...(tables[table] ?? []), String(row.get('c'))];
    }
    keep('server.json', {
      version: client.version,
      mariadb: true,
      performance_schema: 'ON',
      columns: tables,
    });
  });
  delete rows[CATALOGUE_QUESTION];
  delete rows["SHOW GLOBAL VARIABLES LIKE 'performance_schema'"];
  delete rows['USE `shop`'];
  keep(`${name}.json`, { rows });
}

function keep(file: string, value: unknown): void {
  const folder = join(FIXTURES, VERSION);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, file), `${JSON.stringify(value, null, 1)}\n`);
}

async function main(servers: Servers): Promise<void> {
  const on = '--performance-schema-instrument=wait/lock/metadata/sql/mdl=ON';
  const db: MariaDb = await servers.start(['--performance-schema=ON', on, '--log-bin=binlog']);
  await db.sql(SHOP);
  const rounds = new Rounds({ primary: db.url() });
  const shop = await db.as('shop');
  await shop.query('SELECT SUM(amount) FROM order_item WHERE order_id = 4');
  await record(rounds, 'healthy');
  const [root, first, second, ddl] = await Promise.all(
    ['shop', 'shop', 'report', 'shop'].map((user) => db.as(user)),
  );
  await root?.query('BEGIN; UPDATE product SET sold = 7 WHERE id = 1');
  const waiting = [
    first?.query("UPDATE product SET name = 'hunter2' WHERE id = 1"),
    ddl?.query('ALTER TABLE product ADD COLUMN note int'),
    second?.query(
      "SELECT COUNT(*) FROM order_item i JOIN orders o ON o.total < i.amount WHERE o.customer <> 'hunter2'",
    ),
  ].map((one) => one?.catch(() => undefined));
  await until(async () => {
    await rounds.run('activity');
    return (
      (rounds.view().facts.longQueries ?? []).length > 0 &&
      rounds.view().facts.roots?.[0]?.waiters.length === 2
    );
  });
  await record(rounds, 'locked');
  await db.sql(`KILL ${root?.threadId}; KILL QUERY ${second?.threadId}`);
  await Promise.all(waiting);
  rounds.close();
  keepSource();
}

function keepSource(): void {
  writeFileSync(
    join(FIXTURES, VERSION, 'source.md'),
    `Recorded ${new Date().toISOString().slice(0, 10)} from MariaDB 10.11 of Debian 12 by test/checks/mysql/record.ts: the server's
own columns, and the rows of each statement that the collectors ask, in health and while sessions wait for locks.

Nothing redacted: the data are the recorder's own, and "hunter2" stands for what must not be shown.
`,
  );
}

const servers = new Servers();
try {
  await main(servers);
} finally {
  await servers.stop();
}
