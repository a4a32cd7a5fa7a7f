import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bufferPool, hotQueries, missingIndex } from '../../../src/checks/mysql/checks.ts';
import { Rounds } from './rounds.ts';
import { type MariaDb, PASSWORD, Servers, SHOP, until, withoutMariadb } from './servers.ts';

const why = withoutMariadb();

describe.skipIf(why)(`MariaDB: rights, and a server without statistics ${why ?? ''}`, () => {
  const servers = new Servers();
  let db: MariaDb;
  let bare: MariaDb;
  let slowLog: string;

  beforeAll(async () => {
    slowLog = join(servers.folder, 'slow.log');
    writeFileSync(slowLog, '');
    chmodSync(slowLog, 0o666);
    [db, bare] = await Promise.all([
      servers.start(['--performance-schema=ON', '--performance-schema-digests-size=40', '--log-bin=binlog']),
      servers.start([
        '--performance-schema=OFF',
        '--slow-query-log=ON',
        `--slow-query-log-file=${slowLog}`,
        '--long-query-time=0.02',
      ]),
    ]);
    await Promise.all([db.sql(SHOP), bare.sql(SHOP)]);
  });
  afterAll(() => servers.stop());

  test('each right that is missing is named with the GRANT that mends it, one after the other', async () => {
    const rounds = new Rounds({ primary: db.url('nobody', '/shop'), replicas: { copy: db.url('nobody') } });
    const granted: string[] = [];
    // As a replica is, which it stands for here too.
    await db.sql('SET GLOBAL read_only = ON');
    for (const id of ['activity', 'statements', 'replication', 'catalogue']) {
      for (let tries = 0; tries < 4; tries++) {
        const thrown = await rounds.run(id).then(
          () => undefined,
          (error: { code: string; fields: Record<string, string> }) => error,
        );
        if (thrown === undefined) break;
        expect(thrown.code).toBe('NO_RIGHT');
        const grant = /^On the server: (GRANT [^;]+;)$/.exec(thrown.fields['mend'] ?? '')?.[1] ?? '';
        expect(grant).not.toBe('');
        granted.push(grant);
        await db.sql(grant);
      }
      await rounds.run(id);
    }
    expect(granted).toEqual([
      "GRANT PROCESS ON *.* TO 'nobody'@'%';",
      "GRANT SELECT ON performance_schema.* TO 'nobody'@'%';",
      "GRANT SLAVE MONITOR ON *.* TO 'nobody'@'%';",
      "GRANT SELECT ON `shop`.* TO 'nobody'@'%';",
    ]);
    rounds.close();
    await db.sql('SET GLOBAL read_only = OFF');
  });

  test('the reading account changes nothing, keeps nobody waiting, and takes one statement at a time', async () => {
    await db.sql('GRANT ALL ON shop.* TO warroom');
    const rounds = new Rounds({ primary: db.url() });
    const { withServer } = await import('../../../src/checks/mysql/collect.ts');
    const ask = (sql: string, values: (string | number)[] = []) =>
      withServer(rounds.context(), (client) => client.ask(sql, values));
    await expect(ask('DELETE FROM shop.product')).rejects.toMatchObject({ errno: 1792 });
    await expect(ask('SELECT 1; DELETE FROM shop.product')).rejects.toMatchObject({ errno: 1064 });
    await expect(ask('SELECT SLEEP(9)')).rejects.toMatchObject({ errno: 1969 });
    await expect(ask("SELECT REPEAT('x', 200000) AS x FROM shop.order_item")).rejects.toMatchObject({
      code: 'TARGET_CUT',
    });
    const [row] = await ask('SELECT ? AS said, CAST(18446744073709551615 AS UNSIGNED) AS big', [
      "'; DROP TABLE product; --",
    ]);
    expect(Object.fromEntries(row ?? [])).toEqual({
      said: "'; DROP TABLE product; --",
      big: '18446744073709551615',
    });
    const holder = await db.as('shop');
    await holder.query('LOCK TABLES product WRITE');
    const begun = Date.now();
    await expect(ask('SELECT COUNT(*) FROM shop.product')).rejects.toMatchObject({ errno: 1205 });
    expect(Date.now() - begun).toBeLessThan(10_000);
    holder.destroy();
    rounds.close();
    await db.sql('REVOKE ALL ON shop.* FROM warroom; GRANT SELECT ON shop.* TO warroom');
  });

  test('who cannot sign in is told why: a wrong password, no account, a way that is not known, TLS', async () => {
    await db.sql(
      `CREATE USER odd IDENTIFIED VIA unix_socket; CREATE USER old IDENTIFIED BY '${PASSWORD}' PASSWORD EXPIRE`,
    );
    const tries: [string, object][] = [
      [
        db.url().replace(PASSWORD, 'wrong'),
        {
          code: 'NO_RIGHT',
          message: expect.stringContaining("The server does not know 'warroom'@'127.0.0.1'"),
        },
      ],
      [db.url('unheard'), { code: 'NO_RIGHT' }],
      [db.url('odd'), { code: 'NO_RIGHT' }],
      [
        db.url('old'),
        { code: 'NO_RIGHT', message: expect.stringContaining("ALTER USER 'old'@'%' PASSWORD EXPIRE NEVER") },
      ],
      [
        `${db.url()}?ssl-mode=REQUIRED`,
        { code: 'TARGET_UNREACHABLE', message: expect.stringContaining('it has no TLS') },
      ],
      [
        'http://warroom@127.0.0.1/',
        { code: 'TARGET_UNREACHABLE', message: expect.stringContaining('not one of MySQL') },
      ],
      [`mysql://root@localhost/?socket=${servers.folder}/none.sock`, { code: 'TARGET_UNREACHABLE' }],
    ];
    for (const [url, error] of tries) {
      const rounds = new Rounds({ primary: url });
      const thrown = await rounds.run('activity').catch((one: unknown) => one);
      expect(thrown).toMatchObject(error);
      expect((thrown as Error).message).not.toContain(PASSWORD);
      rounds.close();
    }
    const socket = new Rounds({ primary: `mysql://root@localhost/shop?socket=${db.socket}` });
    await socket.run('activity');
    socket.close();
  });

  test('a server that says nothing, half of a greeting, or rubbish ends at its deadline or at once', async () => {
    const greetings: (Buffer | undefined)[] = [
      undefined,
      Buffer.from([74, 0, 0, 0, 10, 53, 46, 53]),
      Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n<!channel> @everyone'),
      Buffer.concat([Buffer.from([255, 255, 255, 0, 10]), Buffer.alloc(12 * 1024 * 1024, 65)]),
      Buffer.concat([Buffer.from([60, 0, 0, 0, 10]), Buffer.alloc(60, 255)]),
    ];
    for (const greeting of greetings) {
      const server = net.createServer((socket) => {
        socket.on('error', () => undefined);
        if (greeting) socket.write(greeting);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as net.AddressInfo;
      const rounds = new Rounds({ primary: `mysql://warroom@127.0.0.1:${port}/shop` });
      const begun = Date.now();
      const collector = rounds.runAt('activity', rounds.places[0] as (typeof rounds.places)[0]);
      await expect(collector).rejects.toMatchObject({ code: expect.stringMatching(/^TARGET_/) });
      expect(Date.now() - begun).toBeLessThan(15_000);
      rounds.close();
      server.close();
    }
  });

  test('a full table of digests is said', async () => {
    const rounds = new Rounds({ primary: db.url() });
    await rounds.run('statements');
    const shop = await db.as('shop');
    for (let i = 0; i < 60; i++) await shop.query(`SELECT ${i} AS c${i}, COUNT(*) FROM product`);
    await rounds.run('statements');
    expect(rounds.view().facts.patterns?.notes[0]).toContain('The table of digests is full');
    expect(JSON.stringify(rounds.judge(hotQueries, { minimumBusy: 0 })[0]?.evidence)).toContain(
      'TRUNCATE TABLE',
    );
    shop.destroy();
    rounds.close();
  });

  test('without performance_schema the slow log tells what costs, and without it the process list; both are named', async () => {
    const shop = await bare.as('shop');
    await bare.sql('ALTER TABLE shop.order_item DROP INDEX order_item_order');
    const rounds = new Rounds({ primary: bare.url(), more: { logs: `${servers.folder}/slow*.log` } });
    await rounds.run('catalogue');
    const load = async () => {
      for (let i = 0; i < 5; i++)
        await shop.query(
          `SELECT i.id, SLEEP(0.01) FROM order_item i WHERE i.order_id = ${i + 1} AND i.amount <> 99 -- hunter2`,
        );
    };
    await rounds.run('statements');
    await load();
    await rounds.run('statements');
    await load();
    await rounds.run('statements');
    expect(rounds.view().facts.patterns).toMatchObject({ source: 'slow log' });
    const [top] = rounds.view().facts.patterns?.rows ?? [];
    expect(top).toMatchObject({
      text: 'SELECT i.id, SLEEP(?) FROM order_item i WHERE i.order_id = ? AND i.amount <> ?',
    });
    expect(top?.examinedPerCall).toBeGreaterThan(39_000);
    const [missing] = rounds.judge(missingIndex, { minimumBusy: 0.001 });
    expect(missing).toMatchObject({ subject: 'order_item.order_id' });
    expect(rounds.judge(hotQueries, { minimumBusy: 0.001 })[0]?.summary).toContain('by the slow log');
    rounds.close();

    chmodSync(slowLog, 0o600);
    const sampled = new Rounds({ primary: bare.url(), more: { logs: '/nowhere/slow.log' } });
    await sampled.run('statements');
    await sampled.run('catalogue');
    let on = true;
    const busy = (async () => {
      while (on)
        await shop
          .query('SELECT COUNT(*) FROM order_item WHERE order_id = 3 OR amount + 0 = 9')
          .catch(() => undefined);
    })();
    await until(async () => {
      await sampled.run('activity');
      return (
        (sampled.view().facts.sampled?.rows[0]?.busy ?? 0) > 0.3 &&
        (sampled.history.series({ metric: 'mysql.busy', target: 'shopdb', windowMs: 60_000 }).length ?? 0) > 3
      );
    });
    const [verdict] = sampled.judge(hotQueries, { minimumBusy: 0.1 });
    expect(verdict?.summary).toContain('by the process list');
    const notes = JSON.stringify(verdict?.evidence);
    expect(notes).toContain('looks at the process list');
    expect(notes).toContain('The slow log /nowhere/slow.log cannot be read there');
    expect(sampled.view().facts.use?.clients[0]).toMatchObject({
      role: 'shop',
      address: '127.0.0.1',
      database: 'shop',
      sessions: 1,
    });
    on = false;
    await busy;
    sampled.close();
    shop.destroy();
    chownSync(slowLog, 0, 0);
  });

  test('who works the database is told by account and real address, also while a statement still runs', async () => {
    const rounds = new Rounds({ primary: db.url() });
    const shop = await db.as('shop', 'shop', { program_name: 'checkout' });
    const report = await db.as('report', 'shop', { program_name: 'nightly' });
    await rounds.run('statements');
    const begun = Date.now();
    const running = report.query('SELECT SLEEP(3)').catch(() => undefined);
    while (Date.now() - begun < 1500) await shop.query('SELECT COUNT(*) FROM order_item WHERE amount > 2');
    await rounds.run('statements');
    const clients = new Map(rounds.view().facts.use?.clients.map((one) => [one.role, one]));
    expect(clients.get('report')).toMatchObject({
      address: '127.0.0.1',
      application: 'nightly',
      database: 'shop',
      sessions: 1,
    });
    expect(clients.get('report')?.busy).toBeGreaterThan(0.7);
    expect(clients.get('report')?.busy).toBeLessThan(1.2);
    expect(clients.get('shop')?.busy).toBeGreaterThan(0.2);
    // Once it has ended, what it took before the second look is not counted again.
    await running;
    await rounds.run('statements');
    const after = rounds.view().facts.use?.clients.find((one) => one.role === 'report');
    expect(after?.busy).toBeLessThan(1.2);
    shop.destroy();
    report.destroy();
    rounds.close();
  });

  test('a buffer pool that is too small is told, and one that is large enough is well', async () => {
    await bare.sql(
      "USE shop; CREATE TABLE page (id int PRIMARY KEY, body char(255) NOT NULL) SELECT seq AS id, REPEAT('x', 255) AS body FROM seq_1_to_150000",
    );
    const shop = await bare.as('shop');
    const read = async (most: number) => {
      for (let i = 0; i < 600; i++) {
        const ids = Array.from({ length: 20 }, (_, n) => ((i * 20 + n) * 7919) % most);
        await shop.query(`SELECT COUNT(body) FROM page WHERE id IN (${ids.join(',')})`);
      }
    };
    const judged = async (most: number) => {
      // An own past for each: the check looks back half a minute.
      const fresh = new Rounds({ primary: bare.url() });
      await fresh.run('activity');
      await read(most);
      await fresh.run('activity');
      const [verdict] = fresh.judge(bufferPool, { warmingSeconds: 0 });
      fresh.close();
      return verdict;
    };
    const bad = await judged(150_000);
    expect(bad?.level).toMatch(/warn|critical/);
    expect(bad?.summary).toMatch(
      /of page reads are found in memory \(limit \d+ %\), .* come from disk; [\d.]+ MiB of 32 MiB used\.$/,
    );
    await read(2000);
    const good = await judged(2000);
    expect(good).toMatchObject({ level: 'ok', cleared: true });
    expect(good?.value).toBeGreaterThan(0.98);
    expect(good?.basis).toBeUndefined();
    shop.destroy();
  });

  test('a restart gives no rates, and then they come again', async () => {
    const rounds = new Rounds({ primary: bare.url() });
    await rounds.run('activity');
    await rounds.run('activity');
    expect(rounds.view().value('mysql.queries')).toBeGreaterThan(0);
    await until(async () => {
      await rounds.run('activity');
      return (rounds.view().value('mysql.uptime') ?? 0) > 4;
    });
    await bare.end();
    await expect(rounds.run('activity')).rejects.toMatchObject({ code: 'TARGET_UNREACHABLE' });
    await bare.run();
    await rounds.run('activity');
    expect(rounds.view().value('mysql.queries')).toBeUndefined();
    await rounds.run('activity');
    expect(rounds.view().value('mysql.queries')).toBeGreaterThan(0);
    rounds.close();
  });
});
