import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { replication, schemaDrift } from '../../../src/checks/mysql/checks.ts';
import { Rounds } from './rounds.ts';
import { type MariaDb, PASSWORD, Servers, SHOP, until, withoutMariadb } from './servers.ts';

const why = withoutMariadb();

describe.skipIf(why)(`MariaDB with a replica, and what it was tested as ${why ?? ''}`, () => {
  const servers = new Servers();
  let primary: MariaDb;
  let replica: MariaDb;
  let rounds: Rounds;
  let dump: string;

  beforeAll(async () => {
    [primary, replica] = await Promise.all([
      servers.start(['--log-bin=binlog', '--performance-schema=OFF']),
      servers.start(['--read-only', '--performance-schema=OFF']),
    ]);
    await primary.sql(
      `CREATE USER repl IDENTIFIED BY '${PASSWORD}'; GRANT REPLICATION SLAVE ON *.* TO repl; ${SHOP}`,
    );
    await replica.sql(
      `CHANGE MASTER TO master_host = '127.0.0.1', master_port = ${primary.port}, master_user = 'repl', master_password = '${PASSWORD}', master_use_gtid = slave_pos, master_connect_retry = 1; START SLAVE`,
    );
    dump = join(servers.folder, 'reference.sql');
    const file = (...argv: string[]) =>
      execFileSync(
        '/usr/bin/mariadb-dump',
        ['--no-defaults', `--socket=${primary.socket}`, '-u', 'root', ...argv],
        { encoding: 'utf8' },
      );
    writeFileSync(dump, file('--no-data', 'shop') + file('--no-create-info', 'shop', 'django_migrations'));
    rounds = new Rounds({
      primary: primary.url(),
      replicas: { copy: replica.url() },
      more: { reference: dump },
    });
    await until(
      async () => (await replica.sql("SELECT 1 FROM mysql.user WHERE User = 'nobody'")).length === 1,
    );
  });
  afterAll(async () => {
    rounds?.close();
    await servers.stop();
  });

  const look = async () => {
    await rounds.run('replication');
    return rounds.judge(replication).find((one) => one.subject === 'copy');
  };
  const ends = (level: string) => until(async () => (await look())?.level === level);
  const row = async () => (await replica.sql('SHOW SLAVE STATUS'))[0] ?? {};

  test('a replica that keeps up is well, and is told as the server tells it', async () => {
    await until(async () => (await look())?.value === 0);
    expect(rounds.judge(replication)).toMatchObject([
      { subject: 'here', level: 'ok', summary: expect.stringContaining('takes writes') },
      { subject: 'copy', level: 'ok', value: 0 },
    ]);
    const own = await row();
    expect(rounds.view('copy').facts.replication).toMatchObject({
      role: 'replica',
      readOnly: true,
      channels: [
        {
          io: own['Slave_IO_Running'],
          sql: own['Slave_SQL_Running'],
          source: `127.0.0.1:${primary.port}`,
          behind: 0,
        },
      ],
    });
    expect(rounds.view('copy').value('mysql.replica_lag')).toBe(0);
    expect(JSON.stringify(await rounds.show('replication'))).toContain(
      'replicates from nobody, and is writable',
    );
  });

  test('one that falls behind is told with its seconds, and is well once it has caught up', async () => {
    const holder = await replica.root();
    await holder.query('FLUSH TABLES WITH READ LOCK');
    await primary.sql('UPDATE shop.product SET sold = sold + 1');
    const lag = await until(async () => {
      await rounds.run('replication');
      const found = rounds
        .judge(replication, { warn: 1, critical: 100 })
        .find((one) => one.subject === 'copy');
      return found?.level === 'warn' ? found : undefined;
    });
    expect(lag.value).toBeGreaterThan(1);
    expect(lag.summary).toMatch(/^copy is [\d.]+ s behind its primary \(limit 1 s\)\.$/);
    expect(Math.abs((lag.value ?? 0) - Number((await row())['Seconds_Behind_Master']))).toBeLessThanOrEqual(
      1,
    );
    await holder.query('UNLOCK TABLES');
    await ends('ok');
  });

  test('a thread that stands, a replica that may be written to, one that is none', async () => {
    await replica.sql('STOP SLAVE SQL_THREAD');
    await ends('critical');
    expect(await look()).toMatchObject({
      certain: true,
      summary: expect.stringContaining('has stopped applying'),
    });
    expect(rounds.view('copy').value('mysql.replica_lag')).toBeUndefined();
    await replica.sql('START SLAVE; SET GLOBAL read_only = OFF');
    await until(async () => (await look())?.summary.includes('can be written to'));
    expect(await look()).toMatchObject({
      level: 'warn',
      advice: expect.stringContaining('SET GLOBAL read_only = ON'),
    });
    await replica.sql('SET GLOBAL read_only = ON; STOP SLAVE IO_THREAD');
    await until(async () => (await look())?.summary.includes('no longer reads'));
    await replica.sql("STOP SLAVE; CHANGE MASTER TO master_password = 'wrong'; START SLAVE");
    await until(async () => (await look())?.summary.includes('cannot reach its primary'));
    expect((await look())?.summary).not.toContain('wrong');
    await replica.sql(`STOP SLAVE; CHANGE MASTER TO master_password = '${PASSWORD}'; START SLAVE`);
    await ends('ok');
    // A statement that fails: what it holds is not shown.
    await replica.sql("INSERT INTO shop.product VALUES (2001, 'x', 0)");
    await primary.sql("INSERT INTO shop.product VALUES (2001, 'hunter2', 0)");
    await ends('critical');
    expect((await look())?.summary).toContain('Duplicate entry');
    expect(JSON.stringify(await look())).not.toContain('hunter2');
    await replica.sql('DELETE FROM shop.product WHERE id = 2001; STOP SLAVE; START SLAVE');
    await ends('ok');
  });

  test('a primary under "replicas", and a replica as "primary", need to be set up: their figures would mislead', async () => {
    const turned = new Rounds({ primary: replica.url(), replicas: { copy: primary.url() } });
    const at = (i: number) => turned.runAt('replication', turned.places[i] as (typeof turned.places)[0]);
    await expect(at(0)).rejects.toMatchObject({
      code: 'NO_RIGHT',
      fields: {
        what: `count here as the primary: it is a replica now, of 127.0.0.1:${primary.port}`,
        mend: expect.stringContaining('the URL of the new primary as "primary"'),
      },
    });
    await expect(at(1)).rejects.toMatchObject({
      code: 'NO_RIGHT',
      fields: {
        what: 'count copy as a replica: it is a primary: it replicates from nobody and can be written to',
        mend: expect.stringContaining('take it out of "replicas"'),
      },
    });
    turned.close();
  });

  test('the database as it was tested is well; an index and a migration that are missing are named', async () => {
    await rounds.run('catalogue');
    expect(rounds.judge(schemaDrift)).toMatchObject([
      { level: 'ok', value: 0, summary: '4 tables are as in reference.sql.' },
    ]);
    await primary.sql(
      'USE shop; ALTER TABLE order_item DROP INDEX order_item_order; DELETE FROM django_migrations WHERE id = 2; ALTER TABLE product MODIFY name varchar(80) NOT NULL, ADD COLUMN extra int; CREATE TABLE stray (id int PRIMARY KEY)',
    );
    await rounds.run('catalogue');
    const [drift] = rounds.judge(schemaDrift);
    expect(drift).toMatchObject({ level: 'warn', value: 5, unit: 'count' });
    expect(drift?.summary).toContain('migration shop 0002_order_item_order_index is not applied here');
    expect(rounds.view('here').facts.drift?.differences).toEqual(
      expect.arrayContaining([
        {
          kind: 'index',
          name: 'order_item.(order_id)',
          here: 'none',
          reference: 'index (order_id)',
          what: 'missing',
        },
        { kind: 'column', name: 'product.extra', here: 'int', reference: 'none', what: 'extra' },
        {
          kind: 'column',
          name: 'product.name',
          here: 'varchar(80) not null',
          reference: 'varchar(100) not null',
          what: 'different',
        },
        { kind: 'table', name: 'stray', here: 'a table', reference: 'none', what: 'extra' },
      ]),
    );
    expect(rounds.view('here').facts.unindexed).toMatchObject([
      { table: 'order_item', column: 'order_id', references: 'orders' },
    ]);
    await primary.sql(
      "USE shop; ALTER TABLE order_item ADD INDEX another_name (order_id); INSERT INTO django_migrations VALUES (2, 'shop', '0002_order_item_order_index', NOW()); ALTER TABLE product MODIFY name varchar(100) NOT NULL, DROP COLUMN extra; DROP TABLE stray",
    );
    await rounds.run('catalogue');
    expect(rounds.judge(schemaDrift)).toMatchObject([{ level: 'ok', value: 0 }]);
  });

  test('the reference may be another server; one that cannot be had is said, and is not an agreement', async () => {
    // The replica is the environment of the test here. It has caught up with the test before: behind, it looked the same.
    await until(
      async () => (await replica.sql("SHOW INDEX FROM shop.order_item WHERE Key_name = 'another_name'"))[0],
    );
    const other = new Rounds({ primary: primary.url(), more: { reference: replica.url() } });
    await until(async () => {
      await other.run('catalogue');
      return other.judge(schemaDrift)[0]?.level === 'ok';
    });
    await primary.sql('SET sql_log_bin = 0; CREATE TABLE shop.only_here (id int PRIMARY KEY)');
    await other.run('catalogue');
    expect(other.judge(schemaDrift)[0]?.summary).toContain('table only_here is here and not there');
    await primary.sql('SET sql_log_bin = 0; DROP TABLE shop.only_here');
    other.close();
    for (const reference of [join(servers.folder, 'none.sql'), replica.url('nobody')]) {
      const broken = new Rounds({ primary: primary.url(), more: { reference } });
      await broken.run('catalogue');
      expect(broken.judge(schemaDrift)).toMatchObject([{ level: 'unknown' }]);
      broken.close();
    }
    const none = new Rounds({ primary: primary.url() });
    await none.run('catalogue');
    expect(none.judge(schemaDrift)).toMatchObject([{ level: 'ok', basis: 'thin' }]);
    none.close();
    expect(readFileSync(dump, 'utf8')).toContain('CREATE TABLE');
  });
});
