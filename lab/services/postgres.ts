import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hostDir } from '../host.ts';
import { addressOf } from '../plan.ts';
import { succeeds } from '../run.ts';
import { ROLES } from '../secrets.ts';
import { postgresBinaries, postgresSeed } from './postgres-seed.ts';
import { referenceFile, seedTar, unpackSeed } from './seed.ts';
import { asUser, type Place, type Service } from './service.ts';

export const POSTGRES_PORT = 5432;
export const POSTGRES_LOG = '/var/log/postgresql/postgresql.log';
/** The replica's slot and application_name. */
const SLOT = 'db2';
const AS = asUser('postgres');

const shared = {
  binds: [['postgresql', '/var/lib/postgresql']],
  process: ['-x', 'postgres'],
  stopSignal: 'INT',
  // A host that was cut off the power leaves its pid file behind.
  start: () => `
install -d -o postgres -g postgres /run/postgresql /var/log/postgresql
rm -f /var/lib/postgresql/main/postmaster.pid
setsid -f ${AS} ${postgresBinaries()}/postgres -D /var/lib/postgresql/main </dev/null >>${POSTGRES_LOG} 2>&1`,
} as const;

export const postgresPrimary: Service = {
  ...shared,
  name: 'postgres@db1',
  host: 'db1',
  parts: ['web', 'postgres'],
  prepare: async ({ root }) =>
    unpackSeed(await seedTar(root, postgresSeed()), folder(root, 'db1'), referenceFile(root, 'shopdb')),
  ready: ({ number }) => isReady(number, 'db1'),
  settle: ({ parts, passwords }) => `
${AS} psql -X -q -v ON_ERROR_STOP=1 >/dev/null <<'SQL'
SET log_min_duration_statement = -1;
SET pg_stat_statements.track = none;
${ROLES.map((role) => `ALTER ROLE ${role} PASSWORD '${passwords.postgres[role]}';`).join('\n')}
${parts.includes('postgres') ? `SELECT pg_create_physical_replication_slot('${SLOT}', true) WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '${SLOT}');` : ''}
SQL`,
};

export const postgresReplica: Service = {
  ...shared,
  name: 'postgres@db2',
  host: 'db2',
  parts: ['postgres'],
  prepare: async ({ root, passwords }) => {
    await unpackSeed(await seedTar(root, postgresSeed()), folder(root, 'db2'));
    const main = join(folder(root, 'db2'), 'main');
    writeFileSync(join(main, 'standby.signal'), '');
    const from = `host=db1 user=repl password=${passwords.postgres.repl} application_name=${SLOT}`;
    appendFileSync(
      join(main, 'postgresql.auto.conf'),
      `primary_conninfo = '${from}'\nprimary_slot_name = '${SLOT}'\n`,
    );
  },
  ready: ({ number }) => isReady(number, 'db2'),
};

function folder(root: string, host: string): string {
  return join(hostDir(root, host), 'postgresql');
}

function isReady(number: Place['number'], host: string): Promise<boolean> {
  return succeeds([
    'pg_isready',
    '-q',
    '-t',
    '2',
    '-h',
    addressOf(number, host),
    '-p',
    String(POSTGRES_PORT),
  ]);
}
