import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type PgbouncerFacts, pgbouncer } from '../../../src/checks/pgbouncer/index.ts';
import { FIXTURES, readRecording } from '../postgres/recording.ts';
import { BETWEEN_S, replay, reviewed } from '../postgres/replay.ts';
import { WITHOUT_CONFIG } from './record.ts';

const ROOT = join(FIXTURES, 'pgbouncer');

describe.each(readdirSync(ROOT))('recordings of a real PgBouncer %s', (version) => {
  const folder = (name: string) => join(ROOT, version, name);
  const played = async (name: string) => {
    const system = name === 'healthy' ? pgbouncer : WITHOUT_CONFIG;
    const { looks, unasked } = await replay(system, readRecording(folder(name)));
    const { readings, facts } = looks.measured('pool');
    return {
      looks,
      unasked,
      facts: facts as Partial<PgbouncerFacts>,
      readings: Object.fromEntries(readings.map((one) => [one.metric, one.value])),
      findings: looks.findings(),
    };
  };

  test.each(['healthy', 'waiting', 'paused'])(
    '%s is measured and judged as reviewed, and every answer is asked for',
    async (name) => {
      const { looks, unasked } = await played(name);
      const found = reviewed(looks);
      const expected = join(folder(name), 'expected.json');
      if (process.env['UPDATE_FIXTURES']) writeFileSync(expected, found);
      expect(JSON.parse(found)).toEqual(JSON.parse(readFileSync(expected, 'utf8')));
      expect(unasked).toEqual([]);
      expect(readFileSync(join(folder(name), 'asked.json'), 'utf8')).not.toMatch(
        /\/tmp\/|warroom-pg|\/work\/|\/home\/|hunter2/,
      );
    },
  );

  test('healthy: two clients share one session, and each query of theirs is counted', async () => {
    const { facts, readings, findings } = await played('healthy');
    expect(facts.pools).toEqual([
      {
        database: 'shop',
        role: 'shop',
        clientsActive: 2,
        clientsWaiting: 0,
        longestWait: 0,
        serversActive: 0,
        serversIdle: 1,
        serversOpening: 0,
        mode: 'transaction',
        size: 2,
      },
    ]);
    // 30 alone, and five transactions of three.
    expect(readings).toEqual({
      'pgbouncer.clients_active': 2,
      'pgbouncer.clients_waiting': 0,
      'pgbouncer.longest_wait': 0,
      'pgbouncer.servers_active': 0,
      'pgbouncer.servers_idle': 1,
      'pgbouncer.transactions': 35 / BETWEEN_S,
      'pgbouncer.queries': 45 / BETWEEN_S,
      'pgbouncer.waiting_seconds': 0,
    });
    const database = {
      goesTo: '127.0.0.1:5432/shop',
      poolSize: 2,
      reserve: 0,
      most: 0,
      paused: false,
      disabled: false,
    };
    expect(facts.databases).toEqual([
      { name: 'report', ...database, current: 0 },
      { name: 'shop', ...database, current: 1 },
    ]);
    expect(facts.limits).toEqual({
      maxClientConn: 100,
      defaultPoolSize: 2,
      reservePoolSize: 0,
      maxDbConnections: 0,
      queryWaitTimeout: 120,
      poolMode: 'transaction',
    });
    expect(findings).toMatchObject([
      { level: 'ok', cleared: true, summary: 'No client waits for a connection; 2 are served.' },
    ]);
  });

  test('waiting: three behind the two that keep the whole pool', async () => {
    const { facts, readings, findings } = await played('waiting');
    expect(facts.pools).toMatchObject([
      { clientsActive: 2, clientsWaiting: 3, serversActive: 2, serversIdle: 0, size: 2 },
    ]);
    // maxwait and maxwait_us are seconds and the rest of them.
    const longest = facts.pools?.[0]?.longestWait ?? 0;
    expect(longest).toBeGreaterThanOrEqual(1);
    expect(longest).toBeLessThan(3);
    expect(readings['pgbouncer.longest_wait']).toBe(longest);
    expect(facts.databases?.map(({ name, current }) => [name, current])).toEqual([
      ['report', 0],
      ['shop', 2],
    ]);
    expect(findings).toMatchObject([
      { check: 'pgbouncer.waiting', level: 'warn', value: longest, threshold: 0.5 },
    ]);
    expect(findings[0]?.summary).toMatch(
      /^3 clients wait for a connection, the longest for 1\.\d+ s \(limit 500 ms\): pool shop\/shop, 2 of 2 connections at work\.$/,
    );
    expect(findings[0]?.advice).toContain('Every connection of the pool is at work.');
  });

  test('paused: certain at the first look, with the word that opens it again', async () => {
    const { facts, readings, findings } = await played('paused');
    expect(facts.databases?.map(({ name, paused }) => [name, paused])).toEqual([
      ['report', true],
      ['shop', false],
    ]);
    expect(readings).toMatchObject({ 'pgbouncer.clients_waiting': 1, 'pgbouncer.servers_idle': 2 });
    // One look makes no rate.
    expect(readings).not.toHaveProperty('pgbouncer.queries');
    expect(findings).toMatchObject([
      {
        level: 'critical',
        certain: true,
        summary: expect.stringContaining('Database report is paused in PgBouncer; 1 client waits'),
        advice: 'On its console: RESUME report; once what it was stopped for is done.',
      },
    ]);
  });
});
