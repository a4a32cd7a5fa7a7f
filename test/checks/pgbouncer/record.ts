/**
 * Records the fixtures of PgBouncer from servers that it starts: `npx tsx test/checks/pgbouncer/record.ts`.
 * What is expected of them is written by golden.test.ts with UPDATE_FIXTURES=1; look at the difference.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pgbouncer } from '../../../src/checks/pgbouncer/index.ts';
import { FIXTURES, keepRecording, type Recording } from '../postgres/recording.ts';
import { PostgresServers } from '../postgres/servers.ts';
import { recorded, type Stage, stageOn } from '../postgres/stage.ts';
import { until } from '../varnish/servers.ts';

/** The settings of a pooler do not change between the cases: they are in the healthy one alone. */
export const WITHOUT_CONFIG = {
  ...pgbouncer,
  collectors: pgbouncer.collectors.filter(({ id }) => id !== 'config'),
};

/** All cases, one after the other on one stage. */
export async function recordings(
  servers: PostgresServers,
): Promise<Record<'healthy' | 'waiting' | 'paused', Recording>> {
  const stage = await stageOn(servers);
  return { healthy: await healthy(stage), waiting: await waiting(stage), paused: await paused(stage) };
}

async function healthy(stage: Stage): Promise<Recording> {
  const [first, second] = [await stage.web('127.0.0.21'), await stage.web('127.0.0.22')];
  const recording = await recorded(stage, pgbouncer, [
    async () => void (await first.query("SELECT 'hunter2'")),
    async () => {
      for (let i = 0; i < 30; i++) await first.query('SELECT 1');
      for (let i = 0; i < 5; i++) {
        await second.query('BEGIN');
        await second.query('SELECT 1');
        await second.query('COMMIT');
      }
    },
  ]);
  await Promise.all([first.end(), second.end()]);
  return recording;
}

/** Two hold the pool's two sessions in open transactions, three more wait for one. */
async function waiting(stage: Stage): Promise<Recording> {
  const all = await Promise.all(['21', '22', '23', '24', '25'].map((end) => stage.web(`127.0.0.${end}`)));
  const [held, queued] = [all.slice(0, 2), all.slice(2)];
  const asked: Promise<unknown>[] = [];
  const recording = await recorded(stage, WITHOUT_CONFIG, [
    async () => undefined,
    async () => {
      for (const client of held) await client.query('BEGIN');
      asked.push(...queued.map((client) => client.query('SELECT 1')));
      await untilPool(stage, (pool) => Number(pool['cl_waiting']) === 3 && Number(pool['maxwait']) >= 1);
    },
  ]);
  for (const client of held) await client.query('COMMIT');
  await Promise.all(asked);
  await Promise.all(all.map((client) => client.end()));
  return recording;
}

/** One database is paused, and a client waits already to sign in to it. */
function paused(stage: Stage): Promise<Recording> {
  return recorded(stage, WITHOUT_CONFIG, [
    async () => {
      const boss = await stage.servers.session(stage.pooler.port, 'boss', 'test', 'pgbouncer');
      await boss.query('PAUSE report');
      // It ends with the pooler.
      stage.web('127.0.0.26', 'report').catch(() => undefined);
      await untilPool(stage, (pool) => pool['database'] === 'report' && Number(pool['cl_waiting']) === 1);
    },
  ]);
}

async function untilPool(
  { servers, pooler }: Stage,
  wanted: (pool: Record<string, unknown>) => boolean,
): Promise<void> {
  const boss = await servers.session(pooler.port, 'boss', 'test', 'pgbouncer');
  await until(async () => (await boss.query('SHOW POOLS')).rows.some(wanted));
  await boss.end();
}

/** "1.18" */
export function versionHere(): string {
  const told = execFileSync('/usr/sbin/pgbouncer', ['-V'], { encoding: 'utf8' });
  return /PgBouncer (\d+\.\d+)/i.exec(told)?.[1] ?? 'unknown';
}

const ABOUT: Readonly<Record<string, string>> = {
  healthy:
    'Two clients (127.0.0.21 and .22) of database shop. Between the looks the first asks 30 times, each a transaction of its own, the second five times within BEGIN and COMMIT.',
  waiting:
    'Five clients, a pool of two sessions. Before the second look two of them begin a transaction and keep it, three wait for over a second.',
  paused: 'PAUSE report, and a client that waits to sign in to that database.',
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const version = versionHere();
  const servers = new PostgresServers();
  try {
    for (const [name, recording] of Object.entries(await recordings(servers)))
      keepRecording(
        join(FIXTURES, 'pgbouncer', version, name),
        recording,
        `Recorded ${new Date().toISOString().slice(0, 10)} from PgBouncer ${version} of Debian 12 by test/checks/pgbouncer/record.ts: what the console answered to
each command of the collectors${name === 'healthy' ? ' in two looks' : name === 'waiting' ? ' in two looks, its settings left out' : ', its settings left out'}.

${ABOUT[name]}

Ports and the folder of the servers are replaced (5432, 6432, /srv/shop). Nothing else is redacted: the clients are the recorder's own.
`,
      );
  } finally {
    await servers.stop();
  }
}
