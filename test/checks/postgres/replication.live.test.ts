import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { postgres } from '../../../src/checks/postgres/index.ts';
import { missingPostgres, PostgresServers, type Server, shopOn } from './servers.ts';
import { textOf, watch } from './watch.ts';

const why = missingPostgres();
describe.skipIf(why)(`a replica of a real PostgreSQL ${why ?? ''}`, () => {
  const servers = new PostgresServers();
  let primary: Server;
  let replica: Server;
  let seen: ReturnType<typeof watch>;

  beforeAll(async () => {
    primary = await shopOn(servers);
    replica = await servers.replica(primary, 'db2');
    seen = watch([postgres], {
      services: {
        shopdb: {
          kind: 'postgres',
          primary: primary.url('warroom'),
          replicas: { db2: replica.url('warroom') },
        },
      },
      checks: {
        'postgres.replication': { warn: 1, critical: 600, clear: 0.5, warnBytes: 4e6, slotBytes: 2e6 },
      },
    });
  });
  afterAll(async () => {
    await seen?.close();
    await servers.stop();
  });
  const ofReplica = { subject: 'db2' };

  test('is not behind while its primary idles, whatever the age of its newest transaction', async () => {
    const finding = await seen.until(
      'postgres.replication',
      (one) => one.level === 'ok' && one.cleared,
      ofReplica,
    );
    expect(finding).toMatchObject({ value: expect.closeTo(0, 0), unit: 's' });
    expect(seen.finding('postgres.replication')).toMatchObject({ level: 'ok' });
    expect(textOf(seen.finding('postgres.replication')?.evidence ?? [])).toMatch(
      /^db2 \| 127\.0\.0\.1 \| streaming/m,
    );
  });

  test('falls behind while its replay is paused, as the primary counts it, and catches up', async () => {
    await replica.sql('SELECT pg_wal_replay_pause()');
    await primary.sql('UPDATE order_item SET amount = amount + 1');
    const finding = await seen.until('postgres.replication', (one) => one.level === 'warn', ofReplica);
    expect(finding.summary).toMatch(
      /^Replica db2 is .* and [\d.]+ MiB behind \(limit 1 s or 3\.81 MiB\); its replay is paused\.$/,
    );
    expect(finding.advice).toBe('On db2: SELECT pg_wal_replay_resume();');
    const [native] = await primary.sql(
      'SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::float8 AS bytes FROM pg_stat_replication',
    );
    await seen.round();
    const shown = textOf(await seen.show('shopdb', 'replication'));
    expect(shown).toContain('primary is a primary');
    const told = Number(/streaming \| async \| (\d+)/.exec(shown)?.[1]);
    expect(Math.abs(told - native?.rows[0].bytes) / native?.rows[0].bytes).toBeLessThan(0.1);
    await replica.sql('SELECT pg_wal_replay_resume()');
    await seen.until('postgres.replication', (one) => one.level === 'ok' && one.cleared, ofReplica);
  });

  test('that is gone could not be looked at; its slot keeps log on the primary, and nobody reads it', async () => {
    await servers.end(replica.child);
    await primary.sql('UPDATE order_item SET amount = amount + 1');
    const finding = await seen.until('postgres.replication', (one) => one.level === 'warn');
    expect(finding.summary).toMatch(
      /^Slot db2 keeps [\d.]+ MiB of log on the primary \(limit 1\.91 MiB\), and nobody reads it\.$/,
    );
    await seen.until('postgres.replication', (one) => one.level === 'unknown', ofReplica);
    // What the primary can tell is told all the same.
    expect(seen.finding('postgres.locks')).toMatchObject({ level: 'ok' });
  });

  test('a primary under "replicas", and a replica as "primary", need to be set up: their figures would mislead', async () => {
    const wrong = watch([postgres], {
      services: {
        shopdb: {
          kind: 'postgres',
          primary: primary.url('warroom'),
          replicas: { other: primary.url('warroom') },
        },
      },
    });
    await wrong.round();
    expect(wrong.finding('postgres.replication', 'other')).toMatchObject({ level: 'unknown' });
    expect(wrong.finding('postgres.replication', 'other')?.summary).toContain(
      'it is a primary and follows nobody',
    );
    expect(wrong.watcher.setUp()).toMatchObject([
      { collector: 'replication', mend: 'Rebuild it with pg_basebackup -R, or take it out of "replicas".' },
    ]);
    await wrong.close();
    const second = await servers.replica(primary, 'db3');
    const swapped = watch([postgres], {
      services: { shopdb: { kind: 'postgres', primary: second.url('warroom') } },
    });
    await swapped.round();
    expect(swapped.finding('postgres.replication')?.summary).toContain('it is a replica now');
    await swapped.close();
    // One that streams from nowhere says so at once.
    const alone = watch([postgres], {
      services: {
        shopdb: {
          kind: 'postgres',
          primary: primary.url('warroom'),
          replicas: { db3: second.url('warroom') },
        },
      },
    });
    await second.sql(
      "ALTER SYSTEM SET primary_conninfo = 'host=127.0.0.1 port=1'",
      'SELECT pg_reload_conf()',
    );
    const finding = await alone.until('postgres.replication', (one) => one.level === 'critical', {
      subject: 'db3',
    });
    expect(finding).toMatchObject({ certain: true });
    expect(finding.summary).toContain('Replica db3 is not streaming');
    await alone.close();
  });
});
