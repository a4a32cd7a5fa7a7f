import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ACTOR } from '../accounts.ts';
import { hostDir } from '../host.ts';
import { addressOf } from '../plan.ts';
import { connects } from '../run.ts';
import { ROLES } from '../secrets.ts';
import { asUser, type Place, type Service } from './service.ts';

export const POOL_PORT = 6432;
export const POOL_FILE = '/etc/pgbouncer/pgbouncer.ini';
export const POOL_LOG = '/var/log/postgresql/pgbouncer.log';
/** Beside PostgreSQL's data: the folder of the ini may be written to by the acting account. */
const USERS = '/var/lib/postgresql/pgbouncer-users.txt';

/**
 * The pooler in front of PostgreSQL on the same host. It knows the passwords, so each client keeps its role.
 * Database `shop` is the application's, `report` the external client's.
 */
export const pgbouncer: Service = {
  name: 'pgbouncer@db1',
  host: 'db1',
  parts: ['postgres'],
  binds: [['pgbouncer', '/etc/pgbouncer']],
  process: ['-x', 'pgbouncer'],
  prepare: ({ root, passwords }) => {
    writeFileSync(join(hostDir(root, 'db1'), 'pgbouncer', 'pgbouncer.ini'), INI);
    const users = ROLES.map((role) => `"${role}" "${passwords.postgres[role]}"\n`);
    writeFileSync(join(hostDir(root, 'db1'), 'pgbouncer', 'users.new'), users.join(''), { mode: 0o600 });
  },
  // Who may act may edit the ini, and put a new one in its place.
  start: () => `
install -d -o postgres -g postgres /run/postgresql /var/log/postgresql
if [ -e /etc/pgbouncer/users.new ]; then
  chown postgres /etc/pgbouncer/users.new && mv /etc/pgbouncer/users.new ${USERS}
  chgrp ${ACTOR} /etc/pgbouncer ${POOL_FILE} && chmod 2775 /etc/pgbouncer && chmod 664 ${POOL_FILE}
fi
rm -f /run/postgresql/pgbouncer.pid
setsid -f ${asUser('postgres')} pgbouncer -q ${POOL_FILE} </dev/null >/dev/null 2>&1`,
  ready: ({ number }: Place) => connects(addressOf(number, 'db1'), POOL_PORT),
};

const INI = `[databases]
; The application.
shop = host=db1 port=5432 dbname=shop
; Reports from outside; they could be moved to the replica.
report = host=db1 port=5432 dbname=shop

[pgbouncer]
listen_addr = *
listen_port = ${POOL_PORT}
unix_socket_dir = /run/postgresql
pidfile = /run/postgresql/pgbouncer.pid
logfile = ${POOL_LOG}
auth_type = scram-sha-256
auth_file = ${USERS}
admin_users = warroom_act
stats_users = warroom
pool_mode = transaction
default_pool_size = 12
max_client_conn = 200
server_idle_timeout = 60
server_round_robin = 0
log_connections = 0
log_disconnections = 0
`;
