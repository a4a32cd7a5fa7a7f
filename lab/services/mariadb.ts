import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hostDir } from '../host.ts';
import { addressOf } from '../plan.ts';
import { connects } from '../run.ts';
import { ROLES } from '../secrets.ts';
import { mariadbSeed } from './mariadb-seed.ts';
import { referenceFile, seedTar, unpackSeed } from './seed.ts';
import type { Service } from './service.ts';

export const MARIADB_PORT = 3306;
export const MARIADB_SLOW_LOG = '/var/log/mysql/slow.log';
export const MARIADB_FILE = '/etc/mysql/my.cnf';
const CLIENT = 'mariadb --no-defaults';

const shared = {
  parts: ['mysql'],
  binds: [
    ['mysql', '/var/lib/mysql'],
    ['mysql-etc', '/etc/mysql'],
  ],
  process: ['-x', 'mariadbd'],
  // Whoever reads on the host reads its logs, which MariaDB itself would keep to its own user.
  start: () => `
install -d -o mysql -g mysql /run/mysqld /var/log/mysql
for log in error slow; do
  [ -e /var/log/mysql/$log.log ] || install -m 644 -o mysql -g mysql /dev/null /var/log/mysql/$log.log
done
setsid -f mariadbd --defaults-file=${MARIADB_FILE} </dev/null >>/var/log/mysql/error.log 2>&1`,
} as const;

export const mariadbPrimary: Service = {
  ...shared,
  name: 'mariadb@my1',
  host: 'my1',
  prepare: async ({ root }) => {
    writeSettings(root, 'my1', 'server-id = 1\nlog-bin = binlog');
    const dir = join(hostDir(root, 'my1'), 'mysql');
    await unpackSeed(await seedTar(root, mariadbSeed()), dir, referenceFile(root, 'crmdb'));
  },
  ready: ({ number }) => connects(addressOf(number, 'my1'), MARIADB_PORT),
  settle: ({ passwords }) => `
${CLIENT} <<'SQL'
${ROLES.map((role) => `ALTER USER ${role} IDENTIFIED VIA mysql_native_password USING '${hashed(passwords.mysql[role])}';`).join('\n')}
SQL`,
};

export const mariadbReplica: Service = {
  ...shared,
  name: 'mariadb@my2',
  host: 'my2',
  prepare: async ({ root }) => {
    writeSettings(root, 'my2', 'server-id = 2\nread-only = 1\nrelay-log = relay');
    await unpackSeed(await seedTar(root, mariadbSeed()), join(hostDir(root, 'my2'), 'mysql'));
  },
  ready: ({ number }) => connects(addressOf(number, 'my2'), MARIADB_PORT),
  // Its accounts' passwords come to it as everything else does: from the primary.
  settle: ({ passwords }) => `
${CLIENT} <<'SQL'
STOP SLAVE;
CHANGE MASTER TO master_host = 'my1', master_user = 'repl', master_password = '${passwords.mysql.repl}',
  master_use_gtid = slave_pos, master_connect_retry = 1;
START SLAVE;
SQL`,
};

function writeSettings(root: string, host: string, own: string): void {
  writeFileSync(join(hostDir(root, host), 'mysql-etc', 'my.cnf'), `${SETTINGS}${own}\n`);
}

/** As mysql_native_password keeps it: neither logs nor statement tables see the password itself. */
function hashed(password: string): string {
  const once = createHash('sha1').update(password).digest();
  return `*${createHash('sha1').update(once).digest('hex').toUpperCase()}`;
}

const SETTINGS = `[mariadbd]
user = mysql
datadir = /var/lib/mysql/main
socket = /run/mysqld/mysqld.sock
pid-file = /run/mysqld/mysqld.pid
bind-address = 0.0.0.0
skip-name-resolve
character-set-server = utf8mb4
max_connections = 60
performance_schema = ON
slow_query_log = ON
slow_query_log_file = ${MARIADB_SLOW_LOG}
long_query_time = 0.2
log-error = /var/log/mysql/error.log
innodb_buffer_pool_size = 64M
innodb_log_file_size = 16M
innodb_flush_log_at_trx_commit = 2
`;
