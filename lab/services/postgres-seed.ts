import { readdirSync } from 'node:fs';
import { LIMITS } from '../limits.ts';
import type { Seed } from './seed.ts';
import { asUser } from './service.ts';

/** The newest PostgreSQL that the distribution brought. */
export function postgresBinaries(): string {
  const root = '/usr/lib/postgresql';
  const versions = readdirSync(root).map(Number).filter(Number.isFinite);
  return `${root}/${Math.max(...versions)}/bin`;
}

/** The shop's database, stopped cleanly, so that a copy with a standby.signal streams from the other. */
export function postgresSeed(): Seed {
  return {
    name: 'postgres',
    user: 'postgres',
    make: makeScript(),
    files: { 'shop.conf': SETTINGS, 'hba.conf': ACCESS, 'ident.conf': IDENTITIES, 'all.sql': SQL },
  };
}

function makeScript(): string {
  const bin = postgresBinaries();
  const as = asUser('postgres');
  const quick =
    '-c fsync=off -c wal_keep_size=0 -c max_wal_size=32MB -c listen_addresses= -c unix_socket_directories=/media';
  return `set -e
chown postgres .
${as} ${bin}/initdb -D main --no-sync -A peer -E UTF8 --locale=C.UTF-8 >make.log
cat shop.conf >>main/postgresql.conf
cp hba.conf main/pg_hba.conf
cp ident.conf main/pg_ident.conf
${as} ${bin}/pg_ctl -D main -l server.log -o '${quick}' -w start >/dev/null
${as} psql -h /media -X -q -v ON_ERROR_STOP=1 -f all.sql >>make.log
${as} pg_dump -h /media --schema-only shop >reference.sql
${as} pg_dump -h /media --data-only --inserts --table=django_migrations shop >>reference.sql
${as} ${bin}/pg_ctl -D main -m fast -w stop >/dev/null
`;
}

const SETTINGS = `
listen_addresses = '*'
unix_socket_directories = '/run/postgresql'
shared_preload_libraries = 'pg_stat_statements'
shared_buffers = 64MB
max_connections = 60
min_wal_size = 32MB
max_wal_size = 256MB
wal_keep_size = 64MB
wal_retrieve_retry_interval = 500ms
fsync = off
timezone = 'UTC'
log_timezone = 'UTC'
track_io_timing = on
log_min_duration_statement = 200ms
log_lock_waits = on
log_line_prefix = '%m [%p] %q%u@%d/%a '
`;

/** Inside the host, PostgreSQL's own user may be any role; everybody else has a password. */
const ACCESS = `local all all peer map=lab
host all all samenet scram-sha-256
host replication repl samenet scram-sha-256
`;

const IDENTITIES = ['postgres', 'shop', 'warroom', 'warroom_act', 'report', 'repl']
  .map((role) => `lab postgres ${role}\n`)
  .join('');

/** The shop's tables. order_item's foreign key has its index. Passwords are each lab's own, so they come later. */
const SQL = `
CREATE ROLE shop LOGIN;
CREATE ROLE warroom LOGIN IN ROLE pg_monitor;
CREATE ROLE warroom_act LOGIN IN ROLE pg_monitor, pg_signal_backend, shop;
CREATE ROLE report LOGIN IN ROLE pg_read_all_data;
CREATE ROLE repl LOGIN REPLICATION;
CREATE DATABASE shop OWNER shop;
\\connect shop
CREATE EXTENSION pg_stat_statements;
SET ROLE shop;

CREATE TABLE product (id int PRIMARY KEY, name text NOT NULL, sold int NOT NULL DEFAULT 0);
INSERT INTO product SELECT n, 'Product ' || n FROM generate_series(1, ${LIMITS.products}) n;

CREATE TABLE orders (id int PRIMARY KEY, customer text NOT NULL, total numeric NOT NULL);
INSERT INTO orders SELECT n, 'Customer ' || n % 5000, n % 300 FROM generate_series(1, ${LIMITS.orders}) n;

CREATE TABLE order_item (id int PRIMARY KEY, order_id int NOT NULL REFERENCES orders,
  product_id int NOT NULL, amount int NOT NULL);
INSERT INTO order_item SELECT n, n % ${LIMITS.orders} + 1, n % ${LIMITS.products} + 1, n % 5 + 1
  FROM generate_series(1, ${LIMITS.orderItems}) n;
CREATE INDEX order_item_order ON order_item (order_id);

CREATE TABLE django_migrations (id int PRIMARY KEY, app varchar(255) NOT NULL, name varchar(255) NOT NULL,
  applied timestamptz NOT NULL);
INSERT INTO django_migrations VALUES
  (1, 'shop', '0001_initial', '2026-03-02 09:00:00+00'),
  (2, 'shop', '0002_product_sold', '2026-05-11 09:00:00+00'),
  (3, 'shop', '0003_order_item_order_index', '2026-09-07 09:00:00+00');

RESET ROLE;
GRANT USAGE ON SCHEMA public TO warroom;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO warroom;
VACUUM ANALYZE;
SELECT pg_stat_statements_reset();
CHECKPOINT;
`;
