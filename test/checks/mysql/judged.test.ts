import { describe, expect, test } from 'vitest';
import {
  bufferPool,
  connections,
  hotQueries,
  idleInTransaction,
  locks,
  missingIndex,
} from '../../../src/checks/mysql/checks.ts';
import type { MysqlFacts, Pattern, SessionRow } from '../../../src/checks/mysql/facts.ts';
import { measureActivity } from '../../../src/checks/mysql/measure.ts';
import { sampledPatterns } from '../../../src/checks/mysql/patterns.ts';
import { unindexedRelations } from '../../../src/checks/mysql/relations.ts';
import { grownDigests } from '../../../src/checks/mysql/statement-growth.ts';
import { History } from '../../../src/history/history.ts';
import { instanceView } from '../../../src/schedule/judging.ts';
import { judge, stackFor } from './rounds.ts';

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
