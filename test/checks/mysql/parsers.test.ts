import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { withoutValues } from '../../../src/checks/mysql/collect-replication.ts';
import { compareSchemas } from '../../../src/checks/mysql/drift.ts';
import { parseDump } from '../../../src/checks/mysql/dump.ts';
import type { LockWait } from '../../../src/checks/mysql/facts.ts';
import { fingerprint } from '../../../src/checks/mysql/fingerprint.ts';
import { lockRoots } from '../../../src/checks/mysql/lock-tree.ts';
import { explainable } from '../../../src/checks/mysql/plans.ts';
import { addressOf, seconds } from '../../../src/checks/mysql/rows.ts';
import { parseSlowLog } from '../../../src/checks/mysql/slow-log.ts';
import { explainedMysql } from '../../../src/targets/mysql-errors.ts';

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
