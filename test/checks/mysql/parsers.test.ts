import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bufferPool,
  connections,
  hotQueries,
  idleInTransaction,
  locks,
  missingIndex,
} from '../../../src/checks/mysql/checks.ts';
import { withoutValues } from '../../../src/checks/mysql/collect-replication.ts';
import { compareSchemas } from '../../../src/checks/mysql/drift.ts';
import { parseDump } from '../../../src/checks/mysql/dump.ts';
import type { LockWait, MysqlFacts, Pattern, SessionRow } from '../../../src/checks/mysql/facts.ts';
import { fingerprint } from '../../../src/checks/mysql/fingerprint.ts';
import { lockRoots } from '../../../src/checks/mysql/lock-tree.ts';
import { measureActivity } from '../../../src/checks/mysql/measure.ts';
import { sampledPatterns } from '../../../src/checks/mysql/patterns.ts';
import { explainable } from '../../../src/checks/mysql/plans.ts';
import { unindexedRelations } from '../../../src/checks/mysql/relations.ts';
import { addressOf, seconds } from '../../../src/checks/mysql/rows.ts';
import { parseSlowLog } from '../../../src/checks/mysql/slow-log.ts';
import { grownDigests } from '../../../src/checks/mysql/statement-growth.ts';
import { History } from '../../../src/history/history.ts';
import { instanceView } from '../../../src/schedule/judging.ts';
import { explainedMysql } from '../../../src/targets/mysql-errors.ts';
import { judge, stackFor } from './rounds.ts';

describe('fingerprints', () => {
  test.each([
    [
      "SELECT * FROM t WHERE a = 'x''y\\'z' AND b=\"q\" AND c IN (1,2, 3)",
      'SELECT * FROM t WHERE a = ? AND b=? AND c IN (?)',
    ],
    ['INSERT INTO t VALUES (1, 0x1F, 1.5e3), (2,3,4)', 'INSERT INTO t VALUES (?)'],
    [
      "SELECT t1.c2 FROM `order 5` AS t1 -- secret\n WHERE x = _utf8'a' # secret",
      'SELECT t1.c2 FROM `order 5` AS t1 WHERE x = ?',
    ],
    ['/* secret */ SELECT 1', 'SELECT ?'],
    ["SELECT 'cut in the mid", 'SELECT ?'],
    ["SELECT 'cut\\", 'SELECT ?'],
  ])('%s', (sql, expected) => expect(fingerprint(sql)).toBe(expected));

  test('whatever stands in a literal is not in it, also where the text was cut', () => {
    const literal = fc
      .string({ maxLength: 30 })
      .map((text) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}SECRET'`);
    fc.assert(
      fc.property(fc.array(literal, { minLength: 1, maxLength: 4 }), fc.nat(200), (literals, at) => {
        const sql = `SELECT a FROM t WHERE ${literals.map((one) => `a = ${one}`).join(' OR ')}`;
        expect(fingerprint(sql)).not.toContain('SECRET');
        expect(fingerprint(sql.slice(0, at))).not.toMatch(/SECRE/);
      }),
    );
  });
});

describe('a dump of a schema', () => {
  const DUMP = `-- MariaDB dump
/*!40101 SET @saved_cs_client = @@character_set_client */;
DROP TABLE IF EXISTS \`a;b\`;
CREATE TABLE \`a;b\` (
  \`id\` int(11) NOT NULL AUTO_INCREMENT,
  \`kind\` enum('x,y','it''s)') DEFAULT 'x,y' COMMENT 'a ) comment, with; signs',
  \`made\` datetime(6) NOT NULL DEFAULT current_timestamp(6) ON UPDATE current_timestamp(6),
  \`price\` decimal(10,2) DEFAULT NULL,
  \`other_id\` bigint(20) unsigned NOT NULL,
  PRIMARY KEY (\`id\`),
  UNIQUE KEY \`u\` (\`kind\`,\`price\`),
  KEY \`part\` (\`kind\`(10)),
  KEY \`ex\` ((lower(\`kind\`))),
  CONSTRAINT \`fk\` FOREIGN KEY (\`other_id\`) REFERENCES \`other\` (\`id\`) ON DELETE CASCADE,
  CONSTRAINT \`c\` CHECK (\`price\` > 0)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE \`django_migrations\` (\`id\` int(11) NOT NULL, \`app\` varchar(255) NOT NULL, \`name\` varchar(255) NOT NULL, PRIMARY KEY (\`id\`));
INSERT INTO \`django_migrations\` VALUES (1,'shop','0001_it''s'),(2,'shop','0002, (b)');
`;

  test('is read with strings, comments and brackets in it', () => {
    const schema = parseDump(DUMP);
    const table = schema.tables.get('a;b');
    expect([...(table?.columns ?? [])]).toEqual([
      ['id', { type: 'int', nullable: false, default: undefined, extra: 'auto_increment' }],
      ['kind', { type: "enum('x,y','it''s)')", nullable: true, default: 'x,y', extra: '' }],
      [
        'made',
        {
          type: 'datetime(6)',
          nullable: false,
          default: 'current_timestamp(6)',
          extra: 'on update current_timestamp(6)',
        },
      ],
      ['price', { type: 'decimal(10,2)', nullable: true, default: undefined, extra: '' }],
      ['other_id', { type: 'bigint unsigned', nullable: false, default: undefined, extra: '' }],
    ]);
    expect(table?.indexes).toEqual([
      { name: 'PRIMARY', unique: true, columns: ['id'] },
      { name: 'u', unique: true, columns: ['kind', 'price'] },
      { name: 'part', unique: false, columns: ['kind(10)'] },
      { name: 'ex', unique: false, columns: ['(expression)'] },
    ]);
    expect(table?.relations).toEqual([
      { name: 'fk', columns: ['other_id'], table: 'other', referenced: ['id'] },
    ]);
    expect([...schema.migrations]).toEqual(["shop 0001_it's", 'shop 0002, (b)']);
    expect(compareSchemas(schema, schema)).toEqual([]);
  });

  test('another default is a difference, and its value is not shown', () => {
    const other = parseDump(DUMP.replace("DEFAULT 'x,y'", "DEFAULT 'it''s)'"));
    expect(compareSchemas(parseDump(DUMP), other)).toEqual([
      expect.objectContaining({
        kind: 'column',
        what: 'different',
        here: expect.stringContaining('(another default)'),
      }),
    ]);
  });

  test('any text ends, and soon', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), (text) => void parseDump(`CREATE TABLE \`t\` (${text}`)),
    );
    fc.assert(fc.property(fc.nat(DUMP.length), (at) => void parseDump(DUMP.slice(0, at))));
    const begun = Date.now();
    parseDump(`CREATE TABLE t (${"'".repeat(20_001)}`);
    parseDump(`CREATE TABLE t (a int DEFAULT ${'('.repeat(20_000)});`);
    expect(Date.now() - begun).toBeLessThan(10_000);
  });
});

describe('slow logs', () => {
  test('of MariaDB and of MySQL 8 are read, half an entry at the beginning left out', () => {
    const log = `WHERE id = 'hunter2';
# Time: 261126 11:00:01
# User@Host: shop[shop] @  [10.77.0.21]
# Thread_id: 41  Schema: shop  QC_hit: No
# Query_time: 0.301234  Lock_time: 0.000050  Rows_sent: 1  Rows_examined: 400000
# Rows_affected: 0  Bytes_sent: 70
# explain: id	select_type	table	type
SET timestamp=1795690801;
SELECT SUM(amount)
  FROM invoice_item WHERE invoice_id = 'hunter2';
# Time: 2026-11-26T11:00:02.123456Z
# User@Host: shop[shop] @ app1 [10.77.0.21]  Id:    42
# Query_time: 1.5  Lock_time: 0.000050 Rows_sent: 3  Rows_examined: 9
use crm;
SET timestamp=1795690802;
UPDATE t SET a = 1;
# User@Host: shop[shop] @  [10.77.0.21]
# Query_time: 2  Lock_time: 0 Rows_sent: 0  Rows_examined: 0
# administrator command: Quit;
`;
    expect(parseSlowLog(log)).toEqual([
      {
        database: 'shop',
        text: 'SELECT SUM(amount) FROM invoice_item WHERE invoice_id = ?',
        seconds: 0.301234,
        sent: 1,
        examined: 400000,
      },
      { database: 'crm', text: 'UPDATE t SET a = ?', seconds: 1.5, sent: 3, examined: 9 },
    ]);
    fc.assert(
      fc.property(
        fc.string({ maxLength: 400 }),
        (text) =>
          void parseSlowLog(
            `# User@Host: a\n# Query_time: 1 Lock_time: 1 Rows_sent: 1 Rows_examined: 1\n${text}`,
          ),
      ),
    );
  });
});

describe('lock trees', () => {
  const wait = (waiter: number, blocker: number | undefined, longest = 1): LockWait => ({
    waiter,
    blocker,
    kind: 'row',
    object: 'shop.t',
    mode: 'X',
    seconds: longest,
  });

  test('chains, stars, circles and holders that are not told', () => {
    expect(lockRoots([wait(2, 1), wait(3, 2, 9), wait(3, 1)])).toEqual([
      { id: 1, waiters: expect.arrayContaining([2, 3]), longest: 9, objects: ['shop.t'] },
    ]);
    expect(lockRoots([wait(1, 2), wait(2, 1, 5)])).toHaveLength(1);
    expect(lockRoots([wait(7, undefined)])).toEqual([
      { id: undefined, waiters: [7], longest: 1, objects: ['shop.t'] },
    ]);
  });

  test('everybody who waits is behind some root, and it always ends', () => {
    const some = fc.array(fc.tuple(fc.nat(8), fc.nat(8)), { maxLength: 30 });
    fc.assert(
      fc.property(some, (edges) => {
        const waits = edges.filter(([a, b]) => a !== b).map(([a, b]) => wait(a, b));
        const behind = new Set(lockRoots(waits).flatMap((root) => [root.id, ...root.waiters]));
        for (const one of waits) expect(behind.has(one.waiter)).toBe(true);
      }),
    );
  });
});

describe("what is asked of a server about others' texts", () => {
  test('only a whole SELECT is explained', () => {
    expect(explainable('SELECT `a` FROM `t` WHERE `b` IN (...) LIMIT ?')).toBe(
      'SELECT `a` FROM `t` WHERE `b` IN (?) LIMIT ?',
    );
    for (const text of [
      'DELETE FROM `t`',
      'SELECT ? INTO OUTFILE ?',
      'SELECT SLEEP ( ? )',
      'SELECT `a` FROM `t` FOR UPDATE',
      'SELECT ? ; DROP TABLE `t`',
      'SELECT `a` FROM `t` WHERE ...',
      `SELECT ${'a'.repeat(2000)}`,
      'SELECT `a?` FROM `t`',
      'SELECT LOAD_FILE ( ? )',
    ])
      expect(explainable(text)).toBeUndefined();
  });

  test('rights are named as the server names them, MySQL too', () => {
    const mend = (errno: number, message: string, sql = '') =>
      (
        explainedMysql(Object.assign(new Error(message), { errno }), {
          name: 'db1',
          account: "'warroom'@'%'",
          sql,
        }) as { fields: Record<string, string> }
      ).fields['mend'];
    expect(
      mend(
        1227,
        'Access denied; you need (at least one of) the SUPER, REPLICATION CLIENT privilege(s) for this operation',
      ),
    ).toBe("On the server: GRANT REPLICATION CLIENT ON *.* TO 'warroom'@'%';");
    expect(
      mend(
        1227,
        'Access denied; you need (at least one of) the SUPER, REPLICA MONITOR privilege(s) for this operation',
      ),
    ).toBe("On the server: GRANT REPLICA MONITOR ON *.* TO 'warroom'@'%';");
    expect(
      mend(
        1142,
        "SELECT command denied to user 'warroom'@'10.0.0.1' for table 'threads'",
        'SELECT 1 FROM performance_schema.threads',
      ),
    ).toBe("On the server: GRANT SELECT ON performance_schema.* TO 'warroom'@'%';");
    expect(mend(1044, "Access denied for user 'warroom'@'%' to database 'shop'")).toBe(
      "On the server: GRANT SELECT ON shop.* TO 'warroom'@'%';",
    );
    expect(mend(1129, "Host '10.0.0.1' is blocked because of many connection errors")).toContain(
      'FLUSH HOSTS',
    );
    expect(mend(1040, 'Too many connections')).toContain('max_connections');
  });

  test('an error of replication shows no value', () => {
    expect(
      withoutValues(
        "Error 'Duplicate entry 'O'Brien' for key 'PRIMARY'' on query. Default database: 'shop'. Query: 'INSERT 'x''",
      ),
    ).toBe("Duplicate entry '…'");
    expect(
      withoutValues(
        "Could not execute Write_rows_v1 event on table shop.t; Duplicate entry 'hunter2' for key 'PRIMARY', Error_code: 1062",
      ),
    ).not.toContain('hunter2');
  });

  test('addresses of clients, and times of a clock that was set back', () => {
    expect(['10.0.0.1:4411', 'app1:99', 'localhost', '[fe80::1]:5', '', 'fe80::2'].map(addressOf)).toEqual([
      '10.0.0.1',
      'app1',
      undefined,
      'fe80::1',
      undefined,
      'fe80::2',
    ]);
    const of = (value: number | string) => seconds(new Map([['t', value]]), 't');
    expect([of(-3600), of('18446744073709551615'), of(4294967295), of('5.5')]).toEqual([0, 0, 0, 5.5]);
  });
});

describe('measured and judged', () => {
  const snapshot = (numbers: Record<string, number>, sessions: SessionRow[] = []) => ({
    full: false,
    numbers: new Map(Object.entries(numbers)),
    sessions,
    waits: [],
    longQueries: [],
    samples: [],
  });
  const HOSTILE = 'x\u0000<!channel>@everyone `‮';

  test('a restart, a counter that was set back and a gap give no rate', () => {
    const rate = (before: object, now: object, ms = 5000) =>
      measureActivity(
        { at: 0, snapshot: snapshot(before as Record<string, number>) },
        { at: ms, snapshot: snapshot(now as Record<string, number>) },
      ).readings.find((one) => one.metric === 'mysql.queries')?.value;
    expect(rate({ queries: 100, uptime: 50 }, { queries: 200, uptime: 55 })).toBe(20);
    expect(rate({ queries: 100, uptime: 50 }, { queries: 900, uptime: 2 })).toBeUndefined();
    expect(rate({ queries: 100, uptime: 50 }, { queries: 90, uptime: 55 })).toBeUndefined();
    expect(rate({ queries: 100, uptime: 50 }, { queries: 200, uptime: 55 }, -3_600_000)).toBeUndefined();
    expect(rate({ queries: 100, uptime: 50 }, { queries: 200, uptime: 500 }, 400_000)).toBeUndefined();
  });

  test('digests grow: a new one counts from nothing, an unread old one and a TRUNCATE do not count', () => {
    const row = (digest: string, calls: number, firstSeen = '2026-01-01') => ({
      database: 'shop',
      digest,
      text: '',
      calls,
      busy: calls,
      sent: 0,
      examined: 0,
      noIndex: 0,
      p95: undefined,
      firstSeen,
    });
    const before = { uptime: 10, digests: [row('a', 5)], known: new Map([['shop\na', row('a', 5)]]) };
    const grown = (rows: ReturnType<typeof row>[], uptime = 20) =>
      grownDigests(before, { uptime, digests: rows }).map((one) => [one.row.digest, one.calls]);
    expect(grown([row('a', 8), row('new', 3, '2026-02-01'), row('old', 900, '2025-01-01')])).toEqual([
      ['a', 3],
      ['new', 3],
    ]);
    expect(grown([row('a', 2, '2026-03-01')])).toEqual([['a', 2]]);
    expect(grown([row('a', 2)])).toEqual([]);
    expect(grown([row('a', 8)], 3)).toEqual([]);
  });

  const { stack } = stackFor({
    primary: 'mysql://warroom@127.0.0.1/shop',
    services: { app: { kind: 'uwsgi', on: 'here', uses: ['shopdb'] } },
  });
  const AT = 1_000_000;
  const judged = (
    check: Parameters<typeof judge>[0],
    facts: Partial<MysqlFacts>,
    readings: Record<string, number> = {},
    requests?: number,
  ) => {
    const history = new History(() => AT);
    if (requests !== undefined)
      history.write('app', 'here', AT - 1000, [{ metric: 'uwsgi.requests', value: requests, unit: '/s' }]);
    const view = instanceView(
      'here',
      AT,
      Object.entries(readings).map(([metric, value]) => ({ metric, value, unit: 'count' as const })),
      facts,
    );
    return judge(check, [view as never], { stack, history, now: AT })[0];
  };
  const pattern = (more: Partial<Pattern>): Pattern => ({
    id: 'a',
    database: 'shop',
    text: 'SELECT `a` FROM `t` WHERE `id` = ?',
    calls: 10,
    busy: 0.5,
    share: 0.9,
    examinedPerCall: 1,
    sentPerCall: 1,
    noIndex: 0,
    p95: undefined,
    plan: [],
    ...more,
  });
  const patterns = (rows: Pattern[], busy: number) => ({
    patterns: { source: 'performance_schema' as const, notes: [], seconds: 15, busy, rows },
  });

  test('hot queries: by share with enough at work, by calls a request, thin when it idles', () => {
    expect(judged(hotQueries as never, patterns([pattern({})], 0.1))).toMatchObject({
      level: 'ok',
      basis: 'thin',
    });
    // Many statements that cost little are what a mended database looks like.
    for (const check of [hotQueries, missingIndex]) {
      const mended = judged(
        check as never,
        { ...patterns([pattern({})], 0.01), unindexed: [] },
        { 'mysql.queries': 40 },
      );
      expect(mended).toMatchObject({ level: 'ok' });
      expect(mended).not.toHaveProperty('basis');
    }
    expect(judged(hotQueries as never, patterns([pattern({})], 0.19), { 'mysql.queries': 40 })).toMatchObject(
      {
        level: 'ok',
        cleared: false,
      },
    );
    expect(judged(hotQueries as never, patterns([pattern({})], 0.6))).toMatchObject({
      level: 'warn',
      value: 0.9,
    });
    expect(judged(hotQueries as never, patterns([pattern({ share: 0.95 })], 2))).toMatchObject({
      level: 'critical',
    });
    expect(
      judged(hotQueries as never, patterns([pattern({ share: 0.3, calls: 900 })], 0.6), {}, 30),
    ).toMatchObject({
      level: 'warn',
      value: 30,
      threshold: 10,
      summary: expect.stringContaining('30 times a request'),
    });
    expect(
      judged(hotQueries as never, patterns([pattern({ share: 0.3, calls: 900 })], 0.6), {}, 100),
    ).toMatchObject({ level: 'ok' });
  });

  test('what one of a few looks at the process list caught is not half of all', () => {
    const looks = (count: number) =>
      Array.from({ length: count }, (_, i) => ({
        at: AT + i * 5000,
        working:
          i === 0
            ? [{ user: 'shop', address: undefined, database: 'shop', program: '', query: 'SELECT ?' }]
            : [],
      }));
    expect(sampledPatterns(looks(5), new Map())).toBeUndefined();
    expect(sampledPatterns(looks(6), new Map())?.busy).toBeCloseTo(1 / 6);
  });

  test('a missing index hurts only where its column is filtered by and rows are read', () => {
    const unindexed = [
      {
        database: 'shop',
        table: 'order_item',
        column: 'order_id',
        references: 'orders',
        declared: false,
        rows: 40_000,
        bytes: 1,
        add: { index: 'wr_order_id', algorithm: 'INPLACE' as const, lock: 'NONE' as const },
      },
    ];
    const of = (more: Partial<Pattern>) =>
      judged(missingIndex as never, {
        unindexed,
        ...patterns([pattern({ examinedPerCall: 40_000, noIndex: 1, ...more })], 1),
      });
    expect(of({ text: 'SELECT SUM ( `amount` ) FROM `order_item` WHERE `order_id` = ?' })).toMatchObject({
      level: 'critical',
      subject: 'order_item.order_id',
    });
    expect(
      of({
        text: 'SELECT `o` . * FROM `orders` `o` JOIN `order_item` `i` ON `i` . `order_id` = `o` . `id` WHERE `o` . `id` = ?',
      }),
    ).toMatchObject({ level: 'critical' });
    for (const text of [
      'SELECT `order_id` FROM `order_item` WHERE `amount` > ?',
      'SELECT `id` FROM `invoice_order_item` WHERE `order_id` = ?',
      'SELECT COUNT ( * ) FROM `order_item`',
    ])
      expect(of({ text })).toMatchObject({ level: 'ok' });
    expect(
      of({ text: 'SELECT 1 FROM `order_item` WHERE `order_id` = ?', examinedPerCall: 12 }),
    ).toMatchObject({ level: 'ok' });
    expect(of({ text: 'SELECT 1 FROM `order_item` WHERE `order_id` = ?', share: 0.02 })).toMatchObject({
      level: 'ok',
      cleared: false,
    });
  });

  test('relations are found by name and by declaration', () => {
    const table = (
      columns: string[],
      indexes: string[][] = [],
      relations: { columns: string[]; table: string }[] = [],
    ) => ({
      columns: new Map(
        columns.map((name) => [name, { type: 'int', nullable: false, default: undefined, extra: '' }]),
      ),
      indexes: indexes.map((names, i) => ({ name: `i${i}`, unique: false, columns: names })),
      relations: relations.map((one) => ({ name: 'fk', referenced: ['id'], ...one })),
    });
    const tables = new Map([
      ['shop_orders', table(['id'], [['id']])],
      ['category', table(['id', 'parent_id'], [['id']])],
      [
        'item',
        table(
          ['id', 'order_id', 'main_category_id', 'kindId', 'paid', 'owner'],
          [['id'], ['kindId', 'id'], ['id', 'order_id']],
          [{ columns: ['owner'], table: 'person' }],
        ),
      ],
    ]);
    const sizes = [...tables.keys()].map((name) => ({
      database: 'shop',
      table: name,
      engine: 'InnoDB',
      rows: 1,
      dataBytes: 1,
      indexBytes: 1,
    }));
    const found = unindexedRelations({
      schemas: new Map([['shop', { tables, migrations: new Set<string>(), keepsMigrations: false }]]),
      sizes,
      limited: false,
    });
    expect(found.map((one) => [one.table, one.column, one.references, one.declared])).toEqual([
      ['category', 'parent_id', 'category', false],
      ['item', 'order_id', 'shop_orders', false],
      ['item', 'main_category_id', 'category', false],
      ['item', 'owner', 'person', true],
    ]);
  });

  test('the buffer pool: thin without traffic and while it warms, bad when it is full and misses', () => {
    const of = (more: Record<string, number>) =>
      judged(
        bufferPool as never,
        {},
        {
          'mysql.memory_given': 1e9,
          'mysql.memory_used': 9e8,
          'mysql.pool_requests': 10_000,
          'mysql.pool_reads': 800,
          'mysql.pool_free': 0.01,
          'mysql.uptime': 86_400,
          ...more,
        },
      );
    expect(of({})).toMatchObject({ level: 'warn', value: 0.92 });
    expect(of({ 'mysql.pool_reads': 2000 })).toMatchObject({ level: 'critical' });
    expect(of({ 'mysql.pool_free': 0.5 })).toMatchObject({ level: 'ok', basis: 'thin' });
    expect(of({ 'mysql.uptime': 60 })).toMatchObject({ level: 'ok', basis: 'thin' });
    expect(of({ 'mysql.pool_requests': 100 })).toMatchObject({ level: 'ok', basis: 'thin' });
    expect(of({ 'mysql.pool_requests': 100, 'mysql.queries': 40 })).not.toHaveProperty('basis');
    expect(of({ 'mysql.pool_reads': 10 })).toMatchObject({ level: 'ok', cleared: true });
  });

  test('the buffer pool: whoever reads most rows is named, not whoever takes most time', () => {
    const slow = pattern({ text: 'SELECT SLEEP ( ? )', busy: 3, calls: 3 });
    const reader = pattern({ text: 'SELECT body FROM page WHERE id > ?', calls: 2, examinedPerCall: 90_000 });
    const verdict = judged(bufferPool as never, patterns([slow, reader], 3.2), {
      'mysql.memory_given': 1e9,
      'mysql.pool_requests': 10_000,
      'mysql.pool_reads': 2000,
    });
    expect(verdict?.advice).toContain('what reads most rows: SELECT body FROM page WHERE id > ?');
    expect(verdict?.evidence?.[1]).toMatchObject({
      title: 'By rows read',
      rows: [
        [reader.text, 2],
        [slow.text, 3],
      ].map((row) => expect.arrayContaining(row)),
    });
  });

  test('names of others come without control characters, and no verdict is given from what was not read', () => {
    const session: SessionRow = {
      id: 1,
      user: HOSTILE.replace(/\u0000/g, '·'),
      address: '10.0.0.1',
      database: 'shop',
      command: 'Sleep',
      state: '',
      seconds: 99,
      query: '',
      program: '',
      rowsExamined: undefined,
      transaction: { seconds: 99, rowsLocked: 0, rowsModified: 0, waits: false },
    };
    const verdict = judged(idleInTransaction as never, { sessions: [session], roots: [] });
    expect(verdict).toMatchObject({ level: 'critical' });
    // What is left of it, the renderers escape.
    expect(verdict?.summary).not.toMatch(/[\u0000-\u001f]/);
    for (const check of [idleInTransaction, locks, connections, bufferPool])
      expect(judged(check as never, {})).toMatchObject({ level: 'unknown' });
  });
});
