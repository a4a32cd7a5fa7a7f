import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Activity } from '../../../src/checks/postgres/collect/activity.ts';
import { planOf, refused, slotCount } from '../../../src/checks/postgres/collect/explain.ts';
import { isNotNull } from '../../../src/checks/postgres/collect/foreign-keys.ts';
import { useSample } from '../../../src/checks/postgres/collect/use-sample.ts';
import { parseDump } from '../../../src/checks/postgres/dump.ts';
import type { SessionRow } from '../../../src/checks/postgres/facts.ts';
import { useOf } from '../../../src/checks/postgres/measure/activity.ts';
import { compare } from '../../../src/checks/postgres/measure/drift.ts';
import { lockTree } from '../../../src/checks/postgres/measure/lock-tree.ts';
import { measureStatements } from '../../../src/checks/postgres/measure/statements.ts';
import { blankSql } from '../../../src/checks/sql.ts';

describe('what EXPLAIN answers', () => {
  test('a form that no server sends is a reason, whatever it is', () => {
    const unknown = { lines: [], sequential: [], problem: 'the server answers in a form that is not known' };
    for (const odd of [undefined, 'QUERY PLAN', [], [{}], [{ Plan: 7 }], [{ Plan: { Plans: 'none' } }]])
      expect(planOf(odd)).toEqual(unknown);
    fc.assert(fc.property(fc.jsonValue(), (json) => void planOf([{ Plan: json }])));
  });
  test('nodes below a join keep few of many rows', () => {
    const table = {
      'Node Type': 'Seq Scan',
      'Relation Name': 'order_item',
      'Plan Rows': 60_000,
      Filter: "(a = 'x')",
    };
    const plan = planOf([
      { Plan: { 'Node Type': 'Hash Join', 'Plan Rows': 12, Plans: [table] }, 'Planning Time': 1 },
    ]);
    expect(plan.sequential).toEqual([{ table: 'order_item', kept: 12 }]);
    expect(plan.lines).toEqual([
      'Hash Join (12 rows, cost 0)',
      '  Seq Scan on order_item (60000 rows, cost 0) (a = ?)',
    ]);
  });
});

describe('SQL without its literals', () => {
  test.each([
    [
      "select * from t where a='x''y' and b=E'it\\'s' and c = $1 -- hi 'x'\n and t1.a2 = 0x1F",
      'select * from t where a=? and b=? and c = $1 and t1.a2 = ?',
    ],
    ['select $tag$ a $$ b $tag$, a$b$c, -1.5e3', 'select ?, a$b$c, -?'],
    [
      "insert into \"My'Table\" values (1,'a'),(2,'b') /* x ' */ returning id",
      'insert into "My\'Table" values (?, …), … returning id',
    ],
    ["select 'cut secret and ", 'select ?'],
    ['select a from b where c in (1,2,3)', 'select a from b where c in (?, …)'],
  ])('%s', (text, blank) => {
    expect(blankSql(text, 'postgres')).toBe(blank);
  });
  test('MySQL has other quotes and comments', () => {
    expect(blankSql('select * from `a\'b` where x="se\\"cret" # c\n and z=0x12', 'mysql')).toBe(
      "select * from `a'b` where x=? and z=?",
    );
  });
  test('whatever stands in a literal is never shown, cut or whole, and nothing breaks', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat(80), (value, cutAt) => {
        const text = `select a from b where c = '${value.replaceAll("'", "''")}HIDDEN' and d = 7`;
        expect(blankSql(text, 'postgres')).not.toContain('HIDDEN');
        expect(blankSql(text.slice(0, cutAt), 'postgres').length).toBeLessThanOrEqual(300);
      }),
    );
  });
  test('any text at all is bounded and has no control in it', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 2000 }),
        fc.constantFrom('postgres' as const, 'mysql' as const),
        (text, dialect) => {
          const shown = blankSql(text, dialect, 120);
          expect(shown.length).toBeLessThanOrEqual(120);
          expect(shown).not.toMatch(/[\u0000-\u001f]/);
        },
      ),
    );
  });
});

describe('what is explained', () => {
  test.each([
    'select 1',
    '  WITH x AS (select 1) select * from x',
    '/* web:home */ select 1',
    '-- a\nselect 1',
  ])('%s', (text) => {
    expect(refused({ text, cut: false })).toBeUndefined();
  });
  test.each([
    'update t set a = 1',
    'explain select 1',
    'select_it()',
    '',
    'call p()',
    'copy t to stdout',
    '/* select */ drop table t',
  ])('not %s', (text) => {
    expect(refused({ text, cut: false })).toBeDefined();
  });
  test('what is cut is not', () => {
    expect(refused({ text: 'select 1', cut: true })).toContain('track_activity_query_size');
  });
  test('parameters are counted outside of literals', () => {
    expect(slotCount("select $2, '$9', $tag$ $7 $tag$, a$5 from t where b = $11")).toBe(11);
    expect(slotCount('select 1')).toBe(0);
  });
});

test('a condition covers a key only when it is IS NOT NULL of its columns', () => {
  expect(isNotNull('(order_id IS NOT NULL)', ['order_id'])).toBe(true);
  expect(isNotNull('((a IS NOT NULL) AND ("B" IS NOT NULL))', ['a', 'B'])).toBe(true);
  expect(isNotNull('(amount IS NOT NULL)', ['order_id'])).toBe(false);
  expect(isNotNull('((order_id IS NOT NULL) AND (amount > 1))', ['order_id'])).toBe(false);
});

describe('a dump', () => {
  const DUMP = `-- PostgreSQL database dump
\\restrict abc
SET search_path = '';
CREATE TABLE public.t (
    id integer CONSTRAINT named NOT NULL,
    name character varying(20) DEFAULT 'a,(b);''c'::character varying,
    CONSTRAINT positive CHECK ((id > 0)),
    CONSTRAINT t_id_not_null NOT NULL id
);
CREATE TABLE public.t_1 (id integer NOT NULL);
ALTER TABLE ONLY public.t ATTACH PARTITION public.t_1 FOR VALUES FROM (1) TO (2);
ALTER TABLE ONLY public.t
    ADD CONSTRAINT t_pkey PRIMARY KEY (id);
CREATE INDEX t_name ON public.t USING btree (name);
CREATE FUNCTION public.f() RETURNS void LANGUAGE sql AS $_$ CREATE TABLE public.no (x int); $_$;
COPY public.schema_migrations (version) FROM stdin;
20260101
20260202
\\.
INSERT INTO public.django_migrations (id, app, name) VALUES (1, 'shop', '0001_it''s');
`;
  test('gives tables, indexes, constraints and migrations', () => {
    const schema = parseDump(DUMP);
    expect(
      Object.fromEntries([...schema.tables].map(([name, columns]) => [name, Object.fromEntries(columns)])),
    ).toEqual({
      'public.t': {
        id: 'integer NOT NULL',
        name: "character varying(20) DEFAULT 'a,(b);''c'::character varying",
      },
    });
    expect(schema.indexes).toEqual([
      { table: 'public.t', name: 't_name', definition: 'INDEX USING btree (name)' },
    ]);
    expect(schema.constraints.map((one) => one.definition)).toEqual(['CHECK ((id > 0))', 'PRIMARY KEY (id)']);
    expect([...(schema.migrations.get('schema_migrations') ?? [])]).toEqual(['20260101', '20260202']);
    expect([...(schema.migrations.get('django_migrations') ?? [])]).toEqual(["shop.0001_it's"]);
  });
  test('is the same as itself, and any text is read without an error', () => {
    const schema = parseDump(DUMP);
    expect(compare(schema, schema)).toEqual({ differences: [], extra: [], migrations: [] });
    // A table may be called as what every object has.
    const odd = parseDump(
      'CREATE TABLE public.constructor (id integer);\nCOPY public.constructor (id) FROM stdin;\n1\n\\.\n',
    );
    expect(odd.migrations.size).toBe(0);
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 500 }), (text) => void parseDump(text)));
    fc.assert(fc.property(fc.nat(DUMP.length), (end) => void parseDump(DUMP.slice(0, end))));
  });
});

describe('the tree of locks', () => {
  const session = (pid: number) =>
    ({ pid, seconds: 1, state: 'active', wait: 'Lock:x' }) as unknown as SessionRow;
  const pids = (node: { pid: number; children: readonly unknown[] }): number[] => [
    node.pid,
    ...(node.children as (typeof node)[]).flatMap(pids),
  ];
  test('forty that queue for one table stand once each, and it takes no time', () => {
    const waits = Array.from({ length: 40 }, (_, i) => ({
      pid: i + 2,
      by: Array.from({ length: i + 1 }, (_, n) => n + 1),
      what: '',
    }));
    const [root, ...others] = lockTree(
      waits.map((wait) => session(wait.pid)),
      waits,
    );
    expect(others).toEqual([]);
    expect(root).toMatchObject({ pid: 1, waiters: 40, session: undefined });
  });
  test('a circle has somebody at its root', () => {
    const [root] = lockTree(
      [],
      [
        { pid: 1, by: [2], what: '' },
        { pid: 2, by: [1], what: '' },
      ],
    );
    expect(root).toMatchObject({ pid: 1, waiters: 1 });
  });
  test('everybody who waits stands in it exactly once, whoever waits for whom', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.nat(12), { minLength: 1, maxLength: 4 }), { maxLength: 10 }),
        (blockers) => {
          const waits = blockers
            .map((by, i) => ({ pid: i, by: by.filter((one) => one !== i), what: '' }))
            .filter((wait) => wait.by.length > 0);
          const all = lockTree([], waits).flatMap(pids);
          expect(new Set(all).size).toBe(all.length);
        },
      ),
    );
  });
});

describe('who uses the database', () => {
  const row = (given: Partial<Activity>): Activity => ({
    ...{
      pid: 1,
      backendStart: '',
      role: 'shop',
      database: 'shop',
      address: '10.0.0.1',
      port: 1000,
      application: '',
      kind: 'client backend',
    },
    ...{
      state: 'active',
      querySeconds: 0,
      stateSeconds: 0,
      transactionSeconds: null,
      waitType: null,
      waitEvent: null,
    },
    ...{ queryId: null, xminAge: null, writes: false, query: '', cut: false, ...given },
  });
  const none = { reads: [], problems: [] };
  const sample = (
    at: number,
    rows: readonly Activity[],
    roles?: readonly { role: string; ms: number }[],
    pools: Parameters<typeof useSample>[1] = none,
  ) => useSample({ at, role: 'warroom', rows, roles }, pools);

  test('time is counted, what still runs with it', () => {
    const use = useOf([
      sample(0, [row({ querySeconds: 2 })], [{ role: 'shop', ms: 10_000 }]),
      sample(10_000, [row({ querySeconds: 1 })], [{ role: 'shop', ms: 18_000 }]),
    ]);
    // 8 s more were counted, 2 of them had passed before; 1 s is not counted yet.
    expect(use?.busy).toBeCloseTo(0.7);
  });
  test('without counters, and after their reset, it is what was sampled', () => {
    const window = (before: number, after: number) => [
      sample(0, [row({})], [{ role: 'shop', ms: before }]),
      sample(10_000, [row({ state: 'idle' })], [{ role: 'shop', ms: after }]),
    ];
    expect(useOf(window(10_000, 5))?.busy).toBeCloseTo(0.5);
    expect(useOf([sample(0, [row({})]), sample(5000, [row({})])])?.busy).toBe(1);
    expect(useOf([sample(0, [])])).toBeUndefined();
  });
  test("a pooler's session is its client's, by port and pid; between two clients it is divided", () => {
    const pools = {
      problems: [],
      reads: [
        {
          pooler: 'pool',
          servers: [
            { pid: 7, localPort: 5000, link: 'a' },
            { pid: 8, localPort: 5001, link: '' },
          ],
          clients: ['a', 'b'].map((pointer) => ({
            pointer,
            role: 'report',
            database: 'report',
            address: pointer === 'a' ? '10.0.0.9' : '10.0.0.8',
            application: 'x',
            linked: false,
          })),
        },
      ],
    };
    const active = (given: Partial<Activity>) =>
      sample(0, [row({ role: 'report', address: '10.0.0.5', ...given })], undefined, pools).clients.map(
        (one) => [one.address, one.sessions, one.active],
      );
    expect(active({ pid: 7, port: 5000 })).toEqual([
      ['10.0.0.9', 1, 1],
      ['10.0.0.8', 1, 0],
    ]);
    expect(active({ pid: 8, port: 5001 })).toEqual([
      ['10.0.0.9', 1, 0.5],
      ['10.0.0.8', 1, 0.5],
    ]);
    // The same pid in another database is not the pooler's.
    expect(active({ pid: 7, port: 1 })).toContainEqual(['10.0.0.5', 1, 1]);
    expect(active({ pid: 8, port: 5001, state: 'idle' })).toEqual([
      ['10.0.0.9', 1, 0],
      ['10.0.0.8', 1, 0],
    ]);
  });
});

test('counters of statements that fell, or that were not seen before, give no rate', () => {
  const counter = (calls: number, id = '1') => ({
    id,
    role: 'a',
    database: 'd',
    calls,
    ms: calls,
    rows: calls,
    reads: 0,
  });
  const at = (ms: number, ...counters: ReturnType<typeof counter>[]) => ({
    at: ms,
    snapshot: { counters, texts: new Map<string, string>() },
  });
  const rows = (before: ReturnType<typeof at>, now: ReturnType<typeof at>) =>
    measureStatements(before, now).facts.statements;
  expect(rows(at(0, counter(10)), at(10_000, counter(30)))).toMatchObject([
    { callsPerSecond: 2, busy: 0.002, share: 1 },
  ]);
  expect(rows(at(0, counter(30)), at(10_000, counter(10)))).toEqual([]);
  expect(rows(at(0), at(10_000, counter(1e9, '2')))).toEqual([]);
  // A clock that went back is no pair.
  expect(rows(at(10_000, counter(10)), at(0, counter(30)))).toBeUndefined();
});
