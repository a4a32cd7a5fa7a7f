import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  connections,
  hotQueries,
  idleInTransaction,
  locks,
  longQueries,
  missingIndex,
} from '../../../src/checks/mysql/checks.ts';
import { Rounds } from './rounds.ts';
import { type MariaDb, Servers, SHOP, until, withoutMariadb } from './servers.ts';

const why = withoutMariadb();

describe.skipIf(why)(`MariaDB, watched ${why ?? ''}`, () => {
  const servers = new Servers();
  let db: MariaDb;
  let rounds: Rounds;

  beforeAll(async () => {
    db = await servers.start([
      '--performance-schema=ON',
      '--performance-schema-instrument=wait/lock/metadata/sql/mdl=ON',
      '--max-connections=20',
    ]);
    await db.sql(SHOP);
    rounds = new Rounds({ primary: db.url() });
  });
  afterAll(async () => {
    rounds?.close();
    await servers.stop();
  });

  test("figures are the server's own at the same moment", async () => {
    await rounds.run('activity');
    const own = new Map(
      db
        .native(
          "SHOW GLOBAL STATUS WHERE Variable_name IN ('Threads_connected', 'Innodb_buffer_pool_bytes_data'); SHOW GLOBAL VARIABLES WHERE Variable_name IN ('max_connections', 'innodb_buffer_pool_size')",
        )
        .trim()
        .split('\n')
        .map((line) => line.split('\t') as [string, string]),
    );
    const view = rounds.view();
    // The native client is one connection more.
    expect(Number(own.get('Threads_connected'))).toBe((view.value('mysql.connections') ?? 0) + 1);
    expect(view.value('mysql.connections_max')).toBe(20);
    expect(view.value('mysql.memory_given')).toBe(Number(own.get('innodb_buffer_pool_size')));
    expect(view.value('mysql.memory_used')).toBe(Number(own.get('Innodb_buffer_pool_bytes_data')));
  });

  test('connections: warns at 70 %, says who holds them, tells a refusal as critical, and clears', async () => {
    await rounds.run('activity');
    expect(rounds.judge(connections)).toMatchObject([{ level: 'ok' }]);
    const open = await Promise.all(Array.from({ length: 14 }, () => db.as('report')));
    await rounds.run('activity');
    const [warned] = rounds.judge(connections);
    expect(warned).toMatchObject({ level: 'warn', threshold: 0.7 });
    expect(warned?.summary).toMatch(
      /^1[4-6] of 20 connections are taken, .* report@127\.0\.0\.1 holds 14, of which 14 sleep\.$/,
    );
    const rest: Promise<unknown>[] = [];
    for (let i = 0; i < 8; i++)
      rest.push(
        db.as('report').then(
          (one) => open.push(one),
          (thrown: { errno: number }) => thrown.errno,
        ),
      );
    expect(await Promise.all(rest)).toContain(1040);
    await rounds.run('activity');
    expect(rounds.judge(connections)).toMatchObject([{ level: 'critical', certain: true }]);
    // A bot that begins only now finds no place either, and says that.
    const late = new Rounds({ primary: db.url() });
    await late.run('activity');
    expect(late.judge(connections)).toMatchObject([
      { level: 'critical', certain: true, summary: expect.stringContaining('refuses new connections') },
    ]);
    expect(late.judge(locks)).toMatchObject([{ level: 'unknown' }]);
    await expect(late.run('statements')).rejects.toMatchObject({ code: 'TARGET_UNREACHABLE' });
    late.close();
    for (const one of open) one.destroy();
    await until(async () => {
      await rounds.run('activity');
      return rounds.judge(connections)[0]?.cleared !== false && rounds.judge(connections)[0]?.level === 'ok';
    });
  });

  test('an idle transaction is named with its locks and its undo, and is gone after its end', async () => {
    const shop = await db.as('shop', 'shop', { program_name: 'checkout' });
    await shop.query('BEGIN; UPDATE product SET sold = sold + 1 WHERE id <= 3');
    await until(async () => {
      await rounds.run('activity');
      return rounds.judge(idleInTransaction, { warn: 0.2, clear: 0.1 })[0]?.level === 'warn';
    });
    const [found] = rounds.judge(idleInTransaction, { warn: 0.2, clear: 0.1 });
    expect(found?.summary).toMatch(
      new RegExp(
        `^session ${shop.threadId} of shop@127.0.0.1 is idle in an open transaction for .* holds about \\d row locks, 3 changes to undo\\.$`,
      ),
    );
    expect(JSON.stringify(found?.evidence)).toContain('checkout');
    expect(rounds.judge(idleInTransaction)).toMatchObject([{ level: 'ok' }]);
    await shop.query('COMMIT');
    await until(async () => {
      await rounds.run('activity');
      return rounds.view().facts.sessions?.every((one) => !one.transaction);
    });
    expect(rounds.judge(idleInTransaction)).toMatchObject([{ level: 'ok', value: 0 }]);
    shop.destroy();
  });

  test('waits lead to the root: row locks two deep, and the lock of a table', async () => {
    const [root, first, second, ddl, reader] = await Promise.all(
      ['shop', 'shop', 'shop', 'shop', 'report'].map((user) => db.as(user)),
    );
    await root?.query('BEGIN; UPDATE product SET sold = 7 WHERE id = 1');
    const waiting = [
      first?.query("UPDATE product SET sold = 8, name = 'secret-name' WHERE id = 1"),
      second?.query('UPDATE product SET sold = 9 WHERE id = 1'),
      ddl?.query('ALTER TABLE product ADD COLUMN note int'),
    ];
    await until(async () => {
      await rounds.run('activity');
      return rounds.view().facts.sessions?.some((one) => /metadata lock/.test(one.state));
    });
    waiting.push(reader?.query('SELECT COUNT(*) FROM product'));
    await until(async () => {
      await rounds.run('activity');
      return rounds.view().facts.roots?.[0]?.waiters.length === 4;
    });
    const view = rounds.view();
    expect(view.facts.roots).toMatchObject([
      { id: root?.threadId, objects: expect.arrayContaining(['shop.product']) },
    ]);
    expect(view.value('mysql.lock_waiters')).toBe(4);
    const [verdict] = rounds.judge(locks, { warn: 0 });
    expect(verdict?.summary).toContain(
      `At the root is session ${root?.threadId} of shop@127.0.0.1 on shop.product, idle in an open transaction`,
    );
    expect(verdict?.advice).toContain(`KILL ${root?.threadId} frees 4 and takes back its 1 changes`);
    expect(JSON.stringify(verdict)).not.toContain('secret-name');
    const long = rounds.judge(longQueries, { warn: 0.01 })[0];
    expect(long?.summary).toContain(`It waits for a lock of session ${root?.threadId}`);
    expect(JSON.stringify(await rounds.show('locks'))).toContain('shop.product');
    // Exactly what the advice says.
    await db.sql(`KILL ${root?.threadId}`);
    await Promise.all(waiting);
    await until(async () => {
      await rounds.run('activity');
      return rounds.judge(locks)[0]?.level === 'ok';
    });
    await db.sql('ALTER TABLE shop.product DROP COLUMN note');
    for (const one of [first, second, ddl, reader]) one?.destroy();
  });

  test('a long query is named with the plan that it runs by, without its literals', async () => {
    const report = await db.as('report', 'shop', { program_name: 'nightly' });
    const running = report
      .query(
        "SELECT i.amount, COUNT(*) FROM order_item i JOIN orders o ON o.total < i.amount WHERE o.customer <> 'hunter2' AND i.amount + 0 = 3 GROUP BY i.amount ORDER BY 2",
      )
      .catch(() => undefined);
    await until(async () => {
      await rounds.run('activity');
      return (rounds.view().facts.longQueries ?? []).some((one) => one.plan.length > 0);
    });
    const [verdict] = rounds.judge(longQueries);
    expect(verdict).toMatchObject({ level: 'warn', threshold: 1 });
    expect(verdict?.summary).toContain('report@127.0.0.1');
    expect(verdict?.summary).toMatch(/It reads all [\d,]+ rows of [io]\./);
    expect(JSON.stringify(verdict)).not.toContain('hunter2');
    expect(JSON.stringify(await rounds.show('explain', String(report.threadId)))).toContain('ALL');
    await expect(rounds.show('explain', '1; DROP TABLE product')).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
    });
    await db.sql(`KILL QUERY ${report.threadId}`);
    await running;
    report.destroy();
    await until(async () => {
      await rounds.run('activity');
      return rounds.judge(longQueries)[0]?.level === 'ok';
    });
  });

  test('a relation without its index is named with the query and its plan, and is well once it has one', async () => {
    const shop = await db.as('shop');
    await db.sql('ALTER TABLE shop.order_item DROP INDEX order_item_order');
    const load = async () => {
      for (let i = 0; i < 30; i++)
        await shop.query(`SELECT SUM(amount) FROM order_item WHERE order_id = ${i + 1}`);
    };
    await rounds.run('catalogue');
    await load();
    await rounds.run('statements');
    await load();
    await rounds.run('statements');
    const [verdict] = rounds.judge(missingIndex, { minimumBusy: 0.001 });
    expect(verdict).toMatchObject({ subject: 'order_item.order_id', unit: 'share' });
    expect(verdict?.level).toMatch(/warn|critical/);
    expect(verdict?.value).toBeGreaterThan(0.5);
    expect(verdict?.summary).toMatch(
      /order_item\.order_id points to orders and has no index: .* 40,000 rows read a call/,
    );
    expect(JSON.stringify(verdict?.evidence)).toMatch(/"order_item","ALL"/);
    const alter = /ALTER TABLE .*?;/.exec(verdict?.advice ?? '')?.[0] ?? '';
    const [hot] = rounds.judge(hotQueries, { minimumBusy: 0.001 });
    expect(hot?.summary).toMatch(
      /order_item.* 30 rows|40,000 rows read each, without an index, by the performance_schema\.$/,
    );
    // Exactly what the advice says.
    await db.sql(alter);
    await rounds.run('catalogue');
    await rounds.run('statements');
    await load();
    await rounds.run('statements');
    expect(rounds.judge(missingIndex, { minimumBusy: 0.001 })).toMatchObject([{ level: 'ok' }]);
    const pattern = rounds.view().facts.patterns?.rows.find((one) => one.text.includes('order_item'));
    expect(pattern?.examinedPerCall).toBeLessThan(20);
    expect(pattern?.plan).toMatchObject([{ access: 'ref', key: 'wr_order_id' }]);
    shop.destroy();
  });

  test('every view shows something, and what it shows is bounded', async () => {
    const open = await Promise.all(Array.from({ length: 3 }, () => db.as('report')));
    await open[0]?.query('BEGIN; SELECT COUNT(*) FROM product');
    const busy = open[1]?.query('SELECT SLEEP(2)');
    const shown = new Map<string, string>();
    for (const view of ['', 'activity', 'statements', 'locks', 'replication', 'tables'])
      shown.set(view, JSON.stringify(await rounds.show(view)));
    expect(shown.get('')).toMatch(/"connections".*"queries".*report@127\.0\.0\.1/s);
    expect(shown.get('activity')).toContain('sessions in all');
    expect(shown.get('locks')).toContain('Nobody waits');
    expect(shown.get('tables')).toMatch(/shop\.order_item","InnoDB",(39|40|41)/);
    expect(JSON.stringify(await rounds.show('explain', '99999'))).toContain('no session 99999');
    for (const text of shown.values()) expect(text.length).toBeLessThan(20_000);
    await busy;
    for (const one of open) one.destroy();
  });

  test('a round costs the server little, and takes no lock', async () => {
    await rounds.run('activity');
    await rounds.run('statements');
    const cost = async () => {
      const [row] = await db.sql(
        "SELECT SUM(SUM_TIMER_WAIT) / 1e9 AS ms, SUM(COUNT_STAR) AS n FROM performance_schema.events_statements_summary_by_account_by_event_name WHERE USER = 'warroom'",
      );
      return { ms: Number(row?.['ms']), n: Number(row?.['n']) };
    };
    const before = await cost();
    for (let i = 0; i < 10; i++) await rounds.run('activity');
    for (let i = 0; i < 3; i++) await rounds.run('statements');
    const after = await cost();
    // Machines that test are busy with more than this: three times what it may cost alone.
    expect((after.ms - before.ms) / (after.n - before.n)).toBeLessThan(15);
    const holder = await db.as('shop');
    await holder.query('LOCK TABLES product WRITE, order_item WRITE, orders WRITE');
    await rounds.run('activity');
    await rounds.run('statements');
    await rounds.run('replication');
    holder.destroy();
  });
});
