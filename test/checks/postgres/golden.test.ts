import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type LockNode, type PostgresFacts, postgres } from '../../../src/checks/postgres/index.ts';
import { FIXTURES, readRecording } from './recording.ts';
import { BETWEEN_S, replay, reviewed } from './replay.ts';

const ROOT = join(FIXTURES, 'postgres');
const VERSIONS = readdirSync(ROOT).filter((version) => existsSync(join(ROOT, version, 'locked')));
const CASES = ['healthy', 'locked'] as const;
const MIB = 2 ** 20;

describe.each(VERSIONS)('recordings of a real PostgreSQL %s', (version) => {
  const folder = (name: string) => join(ROOT, version, name);
  const played = async (name: (typeof CASES)[number]) => {
    const { looks, unasked } = await replay(postgres, readRecording(folder(name)));
    const of = (instance: string) => ({
      facts: looks.measured(instance).facts as Partial<PostgresFacts>,
      readings: Object.fromEntries(looks.measured(instance).readings.map((one) => [one.metric, one.value])),
    });
    return { looks, unasked, primary: of('primary'), db2: of('db2'), findings: looks.findings() };
  };

  test.each(CASES)('%s is measured and judged as reviewed, and every answer is asked for', async (name) => {
    const { looks, unasked } = await played(name);
    const found = reviewed(looks);
    const expected = join(folder(name), 'expected.json');
    if (process.env['UPDATE_FIXTURES']) writeFileSync(expected, found);
    expect(JSON.parse(found)).toEqual(JSON.parse(readFileSync(expected, 'utf8')));
    expect(unasked).toEqual([]);
  });

  test.each(CASES)('%s: what stands in literals is in the recording, and nowhere else', async (name) => {
    const text = readFileSync(join(folder(name), 'asked.json'), 'utf8');
    expect(text).not.toMatch(/\/tmp\/|warroom-pg|\/work\/|\/home\//);
    const { primary, db2, findings } = await played(name);
    if (name === 'locked') expect(text).toContain('hunter2');
    expect(JSON.stringify([primary, db2, findings])).not.toMatch(/hunter2|424242/);
  });

  test('healthy: calls, rows and index look-ups are those that were made', async () => {
    const { primary, db2, findings } = await played('healthy');
    const { facts, readings } = primary;
    expect(facts.server).toMatchObject({ maxConnections: 100, reserved: 3 });
    expect(Math.floor((facts.server?.version ?? 0) / 10_000)).toBe(Number(version));
    // Two client sessions, and ours.
    expect(readings).toMatchObject({
      'postgres.connections': 3,
      'postgres.connections_max': 97,
      'postgres.memory_given': 32 * MIB,
      'postgres.calls': (200 + 40) / BETWEEN_S,
      'postgres.active': 0,
      'postgres.dead_rows': 0,
      'postgres.scanned_rows': 0,
      'postgres.schema_differences': 0,
    });
    const calls = facts.statements?.map((one) => [one.query, one.role, one.callsPerSecond, one.rowsPerCall]);
    expect(calls).toEqual([
      // 60,000 items of 5000 orders.
      ['SELECT amount FROM order_item WHERE order_id = $1', 'shop', 10, 12],
      ['SELECT customer FROM orders WHERE id = $1 AND customer <> $2', 'shop', 2, 1],
    ]);
    expect(facts.tables?.slice(0, 2)).toMatchObject([
      { table: 'order_item', rows: 60_000, deadRows: 0, indexPerSecond: 10, scannedPerSecond: 0 },
      { table: 'orders', rows: 5000, deadRows: 0, indexPerSecond: 2, scannedPerSecond: 0 },
    ]);
    expect(facts).toMatchObject({ foreignKeys: [], lockTree: [], plans: [], horizon: [] });
    expect(facts.drift).toMatchObject({ differences: [], extra: [], migrations: [] });
    // The pooler's session is told as the visitor behind it.
    expect(facts.use?.clients).toMatchObject([{ role: 'shop', address: '127.0.0.21', sessions: 1 }]);
    expect(facts.replication).toMatchObject({
      role: 'primary',
      standbys: [{ application: 'db2', state: 'streaming', sync: 'async', lagBytes: 0, lagSeconds: 0 }],
      slots: [{ name: 'db2', kind: 'physical', active: true, status: 'reserved' }],
    });
    expect(db2.readings).toEqual({ 'postgres.lag_bytes': 0, 'postgres.lag_seconds': 0 });
    expect(findings.filter(({ level, cleared }) => level !== 'ok' || !cleared)).toEqual([]);
  });

  test('locked: who waits for whom, down to the visitor behind the pooler', async () => {
    const { facts, readings } = (await played('locked')).primary;
    const shape = ({ session, waitsFor, children, waiters }: LockNode): unknown => [
      session?.application,
      waitsFor,
      waiters,
      children.map(shape),
    ];
    expect(facts.lockTree?.map(shape)).toEqual([
      [
        'web',
        '',
        3,
        [
          ['checkout', 'ShareLock on transactionid', 0, []],
          [
            'migrate',
            'AccessExclusiveLock on public.product',
            1,
            [['dashboard', 'AccessShareLock on public.product', 0, []]],
          ],
        ],
      ],
    ]);
    expect(facts.lockTree?.[0]?.session).toMatchObject({
      role: 'shop',
      address: '127.0.0.21',
      through: 'pool',
      state: 'idle in transaction',
      query: 'UPDATE product SET name = ? WHERE id = ?',
      writes: true,
    });
    expect(readings).toMatchObject({
      'postgres.active': 5,
      'postgres.idle_in_transaction': 2,
      'postgres.waiting_locks': 3,
      'postgres.connections': 9,
    });
    expect(readings['postgres.longest_query']).toBeGreaterThan(1.2);
    expect(facts.horizon).toHaveLength(5);
    // A snapshot that nobody gives back holds vacuum up.
    expect(facts.horizon?.map((one) => one.holder).join()).toMatch(
      /session \d+ of report \(idle in transaction\)/,
    );
  });

  test('locked: the plans of what runs long, or the line by which one could be seen', async () => {
    const { facts } = (await played('locked')).primary;
    expect(facts.plans).toMatchObject([
      {
        query: 'SELECT count(*), pg_sleep(?) FROM order_item WHERE order_id = ? AND amount <> ?',
        sequential: [{ table: 'order_item', kept: expect.any(Number) }],
        lines: [
          expect.stringMatching(/^Aggregate \(1 rows, cost \d+\)$/),
          expect.stringMatching(
            /^ {2}Seq Scan on order_item \(\d+ rows, cost \d+\) \(\(amount <> \?\) AND \(order_id = \?\)\)$/,
          ),
        ],
      },
      {
        query: 'SELECT id, pg_sleep(?) FROM stock.shelf WHERE id = ?',
        lines: [],
        problem:
          'As a superuser: GRANT USAGE ON SCHEMA public, stock TO warroom; GRANT SELECT ON ALL TABLES IN SCHEMA public, stock TO warroom;',
      },
    ]);
  });

  test('locked: the foreign key without index, what it costs, and what differs from the tested schema', async () => {
    const { facts, readings } = (await played('locked')).primary;
    // A hundred look-ups and one UPDATE, each through all of 60,000 rows.
    const scanned = (101 * 60_000) / BETWEEN_S;
    expect(facts.foreignKeys).toMatchObject([
      {
        name: 'order_item_order_id_fkey',
        columns: ['order_id'],
        parent: 'public.orders',
        rows: 60_000,
        scannedPerSecond: scanned,
        scansPerSecond: 101 / BETWEEN_S,
        parentWritesPerSecond: 0,
        query: 'SELECT amount FROM order_item WHERE order_id = $1',
        queryCalls: 101,
        plan: { sequential: [{ table: 'order_item' }] },
      },
    ]);
    const table = (name: string) => facts.tables?.find((one) => one.table === name);
    expect(table('order_item')).toMatchObject({ rows: 60_000, deadRows: 60_000, writesPerSecond: 3000 });
    expect(table('orders')).toMatchObject({ rows: 5010, writesPerSecond: 10 / BETWEEN_S });
    expect(readings['postgres.dead_rows']).toBe(60_001);
    expect(facts.drift).toMatchObject({
      differences: [{ kind: 'index', table: 'public.order_item', name: 'order_item_order', found: '' }],
      extra: [],
      migrations: ['shop.0002_order_item_index'],
    });
  });

  test('locked: database time is what ran and still runs, by role', async () => {
    const { facts, readings } = (await played('locked')).primary;
    const running = (facts.sessions ?? []).filter(
      (one) => one.state === 'active' && one.kind === 'client backend',
    );
    const ran = facts.statements?.reduce((sum, one) => sum + one.busy, 0) ?? 0;
    const seconds = running.reduce((sum, one) => sum + one.seconds, 0);
    expect(readings['postgres.busy']).toBeCloseTo(seconds / BETWEEN_S + ran, 2);
    expect(facts.use?.clients.map(({ application, sessions }) => [application, sessions]).sort()).toEqual([
      ['checkout', 1],
      ['dashboard', 1],
      ['leaky', 1],
      ['migrate', 1],
      ['nightly', 1],
      ['stocktaking', 1],
      // Both visitors of the pooler.
      ['web', 2],
    ]);
  });

  test('locked: a replica whose replay stands is behind by what both of them say', async () => {
    const { primary, db2 } = await played('locked');
    const [written, replayed] = [
      primary.facts.replication?.position ?? 0,
      db2.facts.replication?.position ?? 0,
    ];
    expect(written - replayed).toBeGreaterThan(10 * MIB);
    expect(db2.readings['postgres.lag_bytes']).toBe(written - replayed);
    expect(primary.facts.replication?.standbys).toMatchObject([
      { application: 'db2', lagBytes: written - replayed },
    ]);
    expect(db2.facts.replication?.receiver).toMatchObject({
      streaming: true,
      paused: true,
      sender: '127.0.0.1',
    });
  });

  test('locked: what is bad is named, what is not is left alone', async () => {
    const { primary, findings } = await played('locked');
    expect(findings.filter((one) => one.level !== 'ok').map(({ check, level }) => [check, level])).toEqual([
      ['postgres.long-queries', 'warn'],
      ['postgres.locks', 'warn'],
      ['postgres.missing-index', 'warn'],
      ['postgres.schema-drift', 'warn'],
      ['postgres.bloat', 'warn'],
    ]);
    const of = (check: string) => findings.find((one) => one.check === `postgres.${check}`);
    const root = primary.facts.lockTree?.[0]?.session;
    const line = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = ${root?.pid} AND backend_start = '${root?.backendStart}';`;
    expect(of('locks')?.summary).toMatch(
      /^3 sessions wait for a lock, the longest for 1\.\d+ s .* 3 behind it\.$/,
    );
    expect(of('locks')?.advice).toContain(line);
    expect(of('long-queries')?.advice).toContain(line);
    expect(of('missing-index')).toMatchObject({
      value: 303_000,
      advice: 'CREATE INDEX CONCURRENTLY ON public.order_item (order_id);',
    });
    expect(of('bloat')).toMatchObject({ value: 0.5 });
    expect(of('schema-drift')).toMatchObject({ value: 2 });
  });
});
