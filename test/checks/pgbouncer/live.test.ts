import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PgbouncerFacts, pgbouncer } from '../../../src/checks/pgbouncer/index.ts';
import { missingPostgres, PostgresServers, type Server, shopOn } from '../postgres/servers.ts';
import { textOf, watch } from '../postgres/watch.ts';

const why = missingPostgres();
describe.skipIf(why)(`a real PgBouncer ${why ?? ''}`, () => {
  const servers = new PostgresServers();
  let server: Server;
  let pooler: Awaited<ReturnType<PostgresServers['pgbouncer']>>;
  let seen: ReturnType<typeof watch>;

  const watched = (role: string, port = pooler.port) =>
    watch([pgbouncer], {
      services: {
        pool: {
          kind: 'pgbouncer',
          admin: `postgres://${role}@127.0.0.1:${port}/pgbouncer`,
          file: '/etc/pb.ini',
        },
      },
    });

  beforeAll(async () => {
    server = await shopOn(servers);
    pooler = await servers.pgbouncer(server);
    seen = watched('warroom');
  });
  afterAll(async () => {
    await seen?.close();
    await servers.stop();
  });
  const client = (role = 'shop', database = 'shop') => servers.session(pooler.port, role, 'web', database);
  const facts = () => seen.watcher.facts<PgbouncerFacts>('pool').get('pool') ?? {};

  test('nobody waits in a healthy one', async () => {
    const one = await client();
    await one.query('SELECT 1');
    await seen.round();
    expect(seen.finding('pgbouncer.waiting')).toMatchObject({ level: 'ok', cleared: true, value: 0 });
    expect(facts().limits).toMatchObject({ maxClientConn: 100, defaultPoolSize: 2, poolMode: 'transaction' });
    await one.end();
  });

  test('clients that wait are told with their pool, as SHOW POOLS counts them, and it clears', async () => {
    const all = await Promise.all(Array.from({ length: 5 }, () => client()));
    const held = all.slice(0, 2);
    for (const one of held) await one.query('BEGIN');
    const waiting = all.slice(2).map((one) => one.query('SELECT 1'));
    const finding = await seen.until('pgbouncer.waiting', (one) => one.level === 'warn');
    expect(finding.summary).toMatch(
      /^3 clients wait for a connection, the longest for .* \(limit 500 ms\): pool shop\/shop, 2 of 2 connections at work\.$/,
    );
    const boss = await servers.session(pooler.port, 'boss', 'test', 'pgbouncer');
    const native = (await boss.query('SHOW POOLS')).rows.find((row) => row.database === 'shop');
    await seen.round();
    expect(facts().pools?.[0]).toMatchObject({
      clientsWaiting: Number(native.cl_waiting),
      serversActive: Number(native.sv_active),
      size: 2,
    });
    const shown = textOf(await seen.show('pool', 'clients'));
    expect(shown).toContain('shop | shop | 127.0.0.1 | web | waiting | 3');
    expect(textOf(await seen.show('pool', 'servers'))).toContain('shop | shop | 127.0.0.1 | active');
    for (const one of held) await one.query('COMMIT');
    await Promise.all(waiting);
    await seen.until('pgbouncer.waiting', (one) => one.level === 'ok' && one.cleared);
    await Promise.all(all.map((one) => one.end()));
    await boss.end();
  });

  test('a database that is paused warns, and is critical once somebody waits for it', async () => {
    const boss = await servers.session(pooler.port, 'boss', 'test', 'pgbouncer');
    await boss.query('PAUSE report');
    await seen.round();
    expect(seen.finding('pgbouncer.waiting')).toMatchObject({ level: 'warn' });
    // Already its sign-in waits.
    const waits = client('report', 'report').then((one) => one.query('SELECT 1').then(() => one.end()));
    const finding = await seen.until('pgbouncer.waiting', (found) => found.level === 'critical');
    expect(finding).toMatchObject({
      certain: true,
      advice: 'On its console: RESUME report; once what it was stopped for is done.',
    });
    expect(textOf(await seen.show('pool', 'databases'))).toMatch(/^report \| .* \| paused$/m);
    await boss.query('RESUME report');
    await waits;
    await seen.until('pgbouncer.waiting', (found) => found.level === 'ok');
    await boss.end();
  });

  test('a role that the console refuses is told the line of pgbouncer.ini', async () => {
    const blind = watched('shop');
    await blind.round();
    expect(blind.watcher.setUp()[0]?.mend).toMatch(/^In \/etc\/pb\.ini: stats_users = warroom;/);
    expect(blind.finding('pgbouncer.waiting')).toMatchObject({ level: 'unknown' });
    await blind.close();
    const nobody = watched('nobody');
    await nobody.round();
    expect(nobody.finding('pgbouncer.waiting')?.level).toBe('unknown');
    await nobody.close();
  });

  test('PostgreSQL that is asked for through a pooler is refused: settings of a session would reach others', async () => {
    const { postgres } = await import('../../../src/checks/postgres/index.ts');
    const through = watch([postgres], {
      services: { shopdb: { kind: 'postgres', primary: `postgres://warroom@127.0.0.1:${pooler.port}/shop` } },
    });
    await through.round();
    expect(through.finding('postgres.locks')).toMatchObject({ level: 'unknown' });
    expect(through.watcher.setUp()[0]?.mend).toContain('Give the URL of PostgreSQL itself');
    await through.close();
  });

  test('a pooler that ended is not read as one without clients', async () => {
    await servers.end(pooler.child);
    await seen.round();
    expect(seen.finding('pgbouncer.waiting')).toMatchObject({ level: 'unknown' });
  });
});
