import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DatabaseFacts } from '../../../src/checks/clients.ts';
import { pgbouncer } from '../../../src/checks/pgbouncer/index.ts';
import { postgres } from '../../../src/checks/postgres/index.ts';
import { stack } from '../../../src/checks/stack/index.ts';
import { missingPostgres, PostgresServers, type Server, shopOn } from '../postgres/servers.ts';
import { textOf, watch } from '../postgres/watch.ts';

const why = missingPostgres();
describe.skipIf(why)(`who works a real database through a real pooler ${why ?? ''}`, () => {
  const servers = new PostgresServers();
  let server: Server;
  let pooler: Awaited<ReturnType<PostgresServers['pgbouncer']>>;
  let seen: ReturnType<typeof watch>;

  beforeAll(async () => {
    server = await shopOn(servers);
    pooler = await servers.pgbouncer(server);
    seen = watch([pgbouncer, postgres, stack], {
      // The application is this machine, and its own address is loopback.
      hosts: { app1: { local: true } },
      services: {
        app: { kind: 'uwsgi', on: 'app1', uses: ['pool'] },
        pool: {
          kind: 'pgbouncer',
          admin: `postgres://warroom@127.0.0.1:${pooler.port}/pgbouncer`,
          before: 'shopdb',
        },
        shopdb: {
          kind: 'postgres',
          primary: server.url('warroom'),
          replicas: { db2: 'postgres://warroom@127.0.0.1:1/shop' },
          application: ['shop'],
        },
      },
    });
  });
  afterAll(async () => {
    await seen?.close();
    await servers.stop();
  });

  /** Keeps sessions busy until it is told to stop; each statement lasts a tenth of a second. */
  async function busy(role: string, database: string, sessions: number) {
    let on = true;
    const loops = Array.from({ length: sessions }, async () => {
      const session = await servers.session(pooler.port, role, `${role}-job`, database);
      while (on) await session.query("SELECT pg_sleep(0.1) /* 'hidden' */");
      await session.end();
    });
    return async () => {
      on = false;
      await Promise.all(loops);
    };
  }
  const subject = 'shopdb';
  const use = () => seen.watcher.facts<DatabaseFacts>('shopdb').get('primary')?.use;

  test('the application alone is nobody from outside', async () => {
    const stop = await busy('shop', 'shop', 1);
    const finding = await seen.until('stack.clients', () => (use()?.busy ?? 0) > 0.5, {
      subject,
      paceMs: 300,
    });
    expect(finding.level).toBe('ok');
    await stop();
  });

  test('another role through another database of the pooler is named with its real address and its share', async () => {
    const stopShop = await busy('shop', 'shop', 1);
    const stopReport = await busy('report', 'report', 2);
    const finding = await seen.until('stack.clients', (one) => one.level === 'critical', {
      subject,
      paceMs: 500,
    });
    expect(finding.summary).toMatch(
      /^\d+(\.\d+)? % of the time of shopdb is work from outside the application \(limit 50 %\): report from 127\.0\.0\.1 \(calls itself report-job\) keeps [\d.]+ sessions at work\.$/,
    );
    expect(finding.advice).toBe(
      'Move report from 127.0.0.1 to the replica db2, if it only reads (database report).',
    );
    const report = use()?.clients.find((client) => client.role === 'report');
    expect(report).toMatchObject({
      address: '127.0.0.1',
      database: 'report',
      sessions: 2,
      queries: ['SELECT pg_sleep(?)'],
    });
    expect(textOf(finding.evidence)).not.toContain('hidden');
    // Warroom's own sessions are nobody's load.
    expect(
      use()
        ?.clients.map((client) => client.role)
        .sort(),
    ).toEqual(['report', 'shop']);
    await stopReport();
    await seen.until('stack.clients', (one) => one.level === 'ok' && one.cleared, {
      subject,
      paceMs: 2000,
      ms: 50_000,
    });
    await stopShop();
  }, 80_000);

  test('without its console the pooler itself is the client, and the rest is told all the same', async () => {
    const blind = watch([postgres, stack], {
      hosts: { app1: { local: true } },
      services: {
        app: { kind: 'uwsgi', on: 'app1', uses: ['pool'] },
        pool: { kind: 'pgbouncer', admin: 'postgres://warroom@127.0.0.1:1/pgbouncer', before: 'shopdb' },
        shopdb: { kind: 'postgres', primary: server.url('warroom'), application: ['shop'] },
      },
    });
    const stop = await busy('report', 'report', 2);
    const finding = await blind.until('stack.clients', (one) => one.level === 'critical', {
      subject,
      paceMs: 500,
    });
    expect(finding.summary).toContain('report from 127.0.0.1');
    await Promise.all([stop(), blind.close()]);
  });
});
