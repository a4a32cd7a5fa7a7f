import { existsSync, readdirSync } from 'node:fs';
import { LIMITS } from '../limits.ts';
import type { Service } from './service.ts';

/** The newest PostgreSQL that the distribution brought. */
function binaries(): string {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).map(Number).filter(Number.isFinite) : [];
  return `${root}/${Math.max(...versions)}/bin`;
}

export const postgres: Service = {
  host: 'db1',
  prepare: () => undefined,
  start: () => [['sh', '-c', start()]],
  check: () => [...asPostgres(), 'psql', '-h', '/run/postgresql', '-qtc', 'SELECT 1', 'postgres'],
  fill: () => ({
    argv: [...asPostgres(), 'psql', '-h', '/run/postgresql', '-q', '-v', 'ON_ERROR_STOP=1', 'postgres'],
    input: SCHEMA,
  }),
};

function asPostgres(): string[] {
  return ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups'];
}

function start(): string {
  const bin = binaries();
  const as = asPostgres().join(' ');
  const settings = [
    'listen_addresses=*',
    'unix_socket_directories=/run/postgresql',
    'shared_buffers=64MB',
    'fsync=off',
    'shared_preload_libraries=pg_stat_statements',
    'track_io_timing=on',
    'max_connections=60',
    'min_wal_size=32MB',
  ];
  return `install -d -o postgres -g postgres /run/postgresql && chown postgres /mnt && { [ -d /mnt/pg ] || ${as} ${bin}/initdb -D /mnt/pg --no-sync -A trust -E UTF8 --locale=C.UTF-8 >/dev/null; } && printf 'local all all trust\\nhost all all 10.77.0.0/16 trust\\n' > /mnt/pg/pg_hba.conf && exec ${as} ${bin}/postgres -D /mnt/pg ${settings.map((one) => `-c ${one}`).join(' ')}`;
}

/** The shop's tables. order_item's foreign key has its index, unless a fault takes it away. */
const SCHEMA = `
CREATE ROLE shop LOGIN;
CREATE DATABASE shop OWNER shop;
\\c shop
CREATE EXTENSION pg_stat_statements;
SET ROLE shop;
CREATE TABLE product (id int PRIMARY KEY, name text NOT NULL, sold int NOT NULL DEFAULT 0);
INSERT INTO product SELECT n, 'Product ' || n FROM generate_series(1, 1000) n;
CREATE TABLE orders (id int PRIMARY KEY, customer text NOT NULL, total numeric NOT NULL);
INSERT INTO orders SELECT n, 'Customer ' || n % 5000, n % 300 FROM generate_series(1, ${LIMITS.orders}) n;
CREATE TABLE order_item (id int PRIMARY KEY, order_id int NOT NULL REFERENCES orders, product_id int NOT NULL, amount int NOT NULL);
INSERT INTO order_item SELECT n, n % ${LIMITS.orders} + 1, n % 1000 + 1, n % 5 + 1 FROM generate_series(1, ${LIMITS.orderItems}) n;
CREATE INDEX order_item_order ON order_item (order_id);
ANALYZE;
`;
