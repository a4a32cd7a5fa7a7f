import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { contextAt } from '../../../src/checks/context.ts';
import { explainPid, lockTreeNow, type PostgresFacts, postgres } from '../../../src/checks/postgres/index.ts';
import { until } from '../varnish/servers.ts';
import { missingPostgres, PostgresServers, type Server, shopOn } from './servers.ts';
import { textOf, watch } from './watch.ts';

const why = missingPostgres();
describe.skipIf(why)(`sessions of a real PostgreSQL ${why ?? ''}`, () => {
  const servers = new PostgresServers();
  let server: Server;
  let seen: ReturnType<typeof watch>;

  beforeAll(async () => {
    server = await shopOn(servers, ['max_connections = 30', 'deadlock_timeout = 10s']);
    seen = watch([postgres], {
      services: { shopdb: { kind: 'postgres', primary: server.url('warroom'), application: ['shop'] } },
      checks: {
        'postgres.idle-in-transaction': { warn: 0.5, critical: 30 },
        'postgres.locks': { warn: 0.5, critical: 30, waiters: 3 },
      },
    });
  });
  afterAll(async () => {
    await seen?.close();
    await servers.stop();
  });
  const facts = () => seen.watcher.facts<PostgresFacts>('shopdb').get('primary') ?? {};

  test('all is well in a healthy one, and its figures are those of psql at the same moment', async () => {
    const other = await server.session('shop', 'web');
    await seen.round();
    await seen.round();
    for (const finding of seen.watcher.findings()) expect(finding).toMatchObject({ level: 'ok' });
    const [counted] = await server.sql(
      "SELECT count(*)::int AS n FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename <> 'postgres'",
    );
    await seen.round();
    expect(seen.history.latest({ metric: 'postgres.connections', target: 'shopdb' })?.value).toBe(
      counted?.rows[0].n,
    );
    expect(seen.history.latest({ metric: 'postgres.connections_max', target: 'shopdb' })?.value).toBe(27);
    await other.end();
  });

  test('a lock pile-up is told down to the idle transaction at its root, and clears with it', async () => {
    const root = await server.session('shop', 'web');
    await root.query('BEGIN');
    await root.query('UPDATE orders SET total = 1 WHERE id = 1');
    const waiters = await Promise.all([1, 2, 3].map(() => server.session('shop', 'web')));
    const waiting = waiters.map((one) =>
      one.query("UPDATE orders SET total = 2 WHERE id = 1 AND customer <> 'secret name'"),
    );
    const finding = await seen.until('postgres.locks', (one) => one.level === 'critical');
    const [pid] = (await root.query('SELECT pg_backend_pid() AS pid')).rows;
    expect(finding.summary).toContain(
      `at the root is process ${pid.pid} (shop from 127.0.0.1, idle in transaction`,
    );
    expect(finding.summary).toContain('3 behind it');
    expect(finding.advice).toContain(`pid = ${pid.pid} AND backend_start = '`);
    expect(textOf(finding.evidence)).toContain('transactionid');
    expect(textOf(finding.evidence)).not.toContain('secret name');
    const tree = facts().lockTree ?? [];
    expect(tree).toHaveLength(1);
    expect(tree[0]).toMatchObject({ pid: pid.pid, waiters: 3 });
    // The one who waits longest is told with his root as well, and not with a plan.
    const long = await seen.until('postgres.long-queries', (one) => one.level !== 'ok');
    expect(long.summary).toContain(`it waits for process ${pid.pid}`);
    const idle = await seen.until('postgres.idle-in-transaction', (one) => one.level === 'critical');
    expect(idle.summary).toContain('others wait for it');
    const context = () => contextAt(seen.place('shopdb'), seen.targets, AbortSignal.timeout(5000));
    expect(await lockTreeNow.run(context(), undefined)).toMatchObject([{ pid: pid.pid, waiters: 3 }]);
    const waiter = tree[0]?.children[0]?.pid ?? 0;
    expect(await explainPid.run(context(), { pid: waiter })).toMatchObject({
      problem: 'only SELECT and WITH are explained',
    });
    const view = textOf(await seen.show('shopdb', 'locks'));
    expect(view).toContain(String(pid.pid));
    // The advice ends it, and nothing else.
    const line = idle.advice?.match(/SELECT pg_terminate_backend.*?;/)?.[0] ?? '';
    await server.sql(line);
    await Promise.all(waiting);
    await Promise.all(waiters.map((one) => one.end()));
    for (const check of ['postgres.locks', 'postgres.idle-in-transaction', 'postgres.long-queries'])
      await seen.until(check, (one) => one.level === 'ok' && one.cleared);
  });

  test('an idle transaction alone warns after its time, and names who left it', async () => {
    const leak = await server.session('shop', 'leaky <!channel>\u202e@everyone');
    await leak.query('BEGIN');
    await leak.query("SELECT id FROM orders WHERE customer = 'somebody'");
    const finding = await seen.until('postgres.idle-in-transaction', (one) => one.level === 'warn');
    expect(finding).toMatchObject({ unit: 's', threshold: 0.5 });
    expect(finding.summary).toMatch(
      /^1 transaction is left open, the oldest for .* by shop from 127\.0\.0\.1\.$/,
    );
    expect(textOf(finding.evidence)).toContain('SELECT id FROM orders WHERE customer = ?');
    await leak.end();
    await seen.until('postgres.idle-in-transaction', (one) => one.level === 'ok');
  });

  test('a long query is told with its plan, which nobody ran; no plan is asked for what is cut or not a SELECT', async () => {
    const reader = await server.session('report', 'nightly');
    const slow = reader
      .query('SELECT count(*), pg_sleep(30) FROM order_item WHERE order_id = 17 AND amount <> 424242')
      .catch((thrown: Error) => thrown.message);
    const long = await server.session('shop');
    const text = `SELECT pg_sleep(30), ${'1 + '.repeat(600)} 1`;
    const cut = long.query(text).catch((thrown: Error) => thrown.message);
    const finding = await seen.until('postgres.long-queries', (one) => one.level === 'warn');
    await seen.until('postgres.long-queries', () => (facts().plans ?? []).length > 0);
    expect(finding.summary).toMatch(/over 1 s, the longest for/);
    const plan = facts().plans?.find((one) => one.query.includes('order_id'));
    expect(plan?.sequential).toMatchObject([{ table: 'order_item' }]);
    expect(JSON.stringify(plan)).not.toContain('424242');
    expect(facts().plans).toHaveLength(1);
    const session = facts().sessions?.find((one) => one.application === 'nightly');
    const shown = textOf(await seen.show('shopdb', 'explain', [String(session?.pid)]));
    expect(shown).toContain('Seq Scan on order_item');
    const other = facts().sessions?.find((one) => one.query.includes('?), ? + ?'));
    expect(textOf(await seen.show('shopdb', 'explain', [String(other?.pid)]))).toContain(
      'keeps only its beginning',
    );
    await server.sql(
      "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)%' AND pid <> pg_backend_pid()",
    );
    expect(await slow).toContain('canceling');
    expect(await cut).toContain('canceling');
    await seen.until('postgres.long-queries', (one) => one.level === 'ok');
    await Promise.all([reader.end(), long.end()]);
  });

  test('explain wants one process id', async () => {
    for (const args of [[], ['x'], ['1', '2'], ['1;select']])
      await expect(seen.show('shopdb', 'explain', args)).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  });

  test('connections that fill up are told with who holds them; when none is left, that is the finding', async () => {
    const held = await Promise.all(Array.from({ length: 20 }, () => server.session('shop', 'leak')));
    const finding = await seen.until('postgres.connections', (one) => one.level !== 'ok');
    expect(finding).toMatchObject({ unit: 'share' });
    expect(finding.summary).toMatch(
      /^2\d of 27 connections are taken, .* \(limit \d+ %\); shop from 127\.0\.0\.1 holds 20, 20 of them idle\.$/,
    );
    expect(finding.advice).toContain('do nothing');
    const rest: unknown[] = [];
    await until(async () => {
      const one = await server.session('shop', 'leak').catch(() => undefined);
      if (one) rest.push(one);
      return one === undefined;
    });
    // One that comes new gets no place any more.
    const late = watch([postgres], {
      services: { shopdb: { kind: 'postgres', primary: server.url('warroom') } },
    });
    await late.round();
    expect(late.finding('postgres.connections')).toMatchObject({ level: 'critical', certain: true });
    expect(late.finding('postgres.connections')?.summary).toContain('No connection is left');
    expect(textOf(late.finding('postgres.connections')?.evidence ?? [])).toContain(
      'all of its connections are taken',
    );
    expect(late.finding('postgres.locks')).toMatchObject({ level: 'unknown' });
    await late.close();
    await Promise.all([...held, ...(rest as { end(): Promise<void> }[])].map((one) => one.end()));
    await seen.until('postgres.connections', (one) => one.level === 'ok' && one.cleared);
  });

  test('a role without the right is told the GRANT, and the same line mends it', async () => {
    await server.sql('CREATE ROLE blind LOGIN');
    const blind = watch([postgres], {
      services: { shopdb: { kind: 'postgres', primary: server.url('blind') } },
    });
    await blind.round();
    const state = blind.watcher.state('shopdb').find((one) => one.collector === 'activity');
    expect(state?.mend).toBe('As a superuser: GRANT pg_monitor TO blind;');
    expect(blind.finding('postgres.locks')).toMatchObject({ level: 'unknown', advice: state?.mend });
    await server.sql((state?.mend ?? '').replace('As a superuser: ', ''));
    await blind.round();
    expect(blind.finding('postgres.locks')).toMatchObject({ level: 'ok' });
    await blind.close();
  });

  test('a role that may not read tables is told the least that shows a plan, and the line does', async () => {
    await server.sql(
      'CREATE ROLE onlooker LOGIN IN ROLE pg_monitor',
      'CREATE SCHEMA "Stock"',
      'CREATE TABLE "Stock".shelf AS SELECT 1 AS id',
      'ALTER ROLE report SET search_path = "Stock", public',
    );
    const reader = await server.session('report', 'nightly');
    const [{ pid }] = (await reader.query('SELECT pg_backend_pid() AS pid')).rows;
    const slow = reader
      .query('SELECT s.id, pg_sleep(30) FROM shelf s JOIN order_item i ON i.id = s.id')
      .catch((thrown: Error) => thrown.message);
    const poor = watch([postgres], {
      services: { shopdb: { kind: 'postgres', primary: server.url('onlooker') } },
    });
    const plan = () =>
      explainPid.run(contextAt(poor.place('shopdb'), poor.targets, AbortSignal.timeout(5000)), { pid });
    const line =
      'GRANT USAGE ON SCHEMA "Stock", public TO onlooker; GRANT SELECT ON ALL TABLES IN SCHEMA "Stock", public TO onlooker;';
    await expect.poll(plan, { timeout: 30_000 }).toMatchObject({ problem: `As a superuser: ${line}` });
    await server.sql(line);
    expect((await plan()).lines.join('\n')).toContain('Seq Scan on shelf');
    // What it may not read stays hidden: the hashes of passwords.
    const hashes = await server.session('onlooker');
    await expect(hashes.query('SELECT rolpassword FROM pg_authid')).rejects.toThrow('permission denied');
    await hashes.end();
    await server.sql(`SELECT pg_cancel_backend(${pid})`, 'ALTER ROLE report RESET search_path');
    expect(await slow).toContain('canceling statement');
    await Promise.all([reader.end(), poor.close()]);
  });

  test('a clock that goes back an hour gives no rate and no negative figure, and no round fails', async () => {
    await seen.round();
    seen.clock.ahead = -3_600_000;
    await seen.round();
    expect(seen.watcher.state('shopdb').every((one) => one.problem === undefined)).toBe(true);
    for (const finding of seen.watcher.findings()) expect(finding.value ?? 0).toBeGreaterThanOrEqual(0);
    seen.clock.ahead = 0;
    await seen.round();
    for (const finding of seen.watcher.findings()) expect(finding.level).toBe('ok');
  });
});
