import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { READER } from '../accounts.ts';
import { hostDir } from '../host.ts';
import { LIMITS } from '../limits.ts';
import { addressOf } from '../plan.ts';
import { connects, runAsync } from '../run.ts';
import type { Place, Service } from './service.ts';

const PORT = 5432;
const AS = 'setpriv --reuid=postgres --regid=postgres --clear-groups';
const CACHE = join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'warroom-lab');

export const postgres: Service = {
  host: 'db1',
  binds: [['postgresql', '/var/lib/postgresql']],
  prepare: async (place) => {
    const dir = databaseDir(place);
    mkdirSync(dir, { recursive: true });
    const seed = await seedTar(place);
    await runAsync(['tar', '-x', '--numeric-owner', '-f', seed, '-C', dir]);
  },
  start: () => `
install -d -o postgres -g postgres /run/postgresql /var/log/postgresql
setsid -f ${AS} ${binaries()}/postgres -D /var/lib/postgresql/main </dev/null >>/var/log/postgresql/postgresql.log 2>&1`,
  ready: ({ number }) => connects(addressOf(number, 'db1'), PORT),
};

/** The newest PostgreSQL that the distribution brought. */
function binaries(): string {
  const root = '/usr/lib/postgresql';
  const versions = readdirSync(root).map(Number).filter(Number.isFinite);
  return `${root}/${Math.max(...versions)}/bin`;
}

function databaseDir({ root }: Place): string {
  return join(hostDir(root, 'db1'), 'postgresql');
}

/** The filled database as a tar, made once for its content and kept beside the other caches of this checkout. */
async function seedTar(place: Place): Promise<string> {
  const make = makeScript();
  const users = readFileSync('/etc/passwd', 'utf8').match(/^postgres:.*$/m)?.[0] ?? '';
  const key = createHash('sha256').update([make, users, SETTINGS, SQL].join('\n')).digest('hex').slice(0, 16);
  const seed = join(CACHE, `shop-${key}.tar`);
  if (existsSync(seed)) return seed;
  const scratch = join(place.root, 'seed');
  mkdirSync(scratch, { recursive: true });
  mkdirSync(CACHE, { recursive: true });
  for (const [name, text] of Object.entries({ 'make.sh': make, 'shop.conf': SETTINGS, ...SQL_FILES }))
    writeFileSync(join(scratch, name), text);
  // In mounts of its own: PostgreSQL's user must reach the folder, wherever the lab's root is.
  await runAsync([
    'unshare',
    '-m',
    '-i',
    'sh',
    '-c',
    `mount --bind '${scratch}' /media && sh /media/make.sh`,
  ]);
  const half = `${seed}.${process.pid}`;
  await runAsync(['tar', '-c', '--numeric-owner', '-f', half, '-C', scratch, 'main']);
  for (const old of readdirSync(CACHE))
    if (/^shop-.*\.tar$/.test(old)) rmSync(join(CACHE, old), { force: true });
  renameSync(half, seed);
  rmSync(scratch, { recursive: true, force: true });
  return seed;
}

/** Single-user mode: no server, no socket, nothing to clean up after a crash. */
function makeScript(): string {
  const bin = binaries();
  const single = (database: string, file: string) =>
    `${AS} ${bin}/postgres --single -j -D main -c fsync=off -c max_wal_size=64MB ${database} <${file} >>make.log 2>&1`;
  return `set -e
cd /media
chown postgres .
${AS} ${bin}/initdb -D main --no-sync -A trust -E UTF8 --locale=C.UTF-8 >make.log
cat shop.conf >>main/postgresql.conf
printf 'local all all trust\\nhost all all samenet trust\\n' >main/pg_hba.conf
${single('postgres', 'cluster.sql')}
${single('shop', 'shop.sql')}
if grep -E '(ERROR|FATAL|PANIC):' make.log >&2; then exit 1; fi
`;
}

const SETTINGS = `
listen_addresses = '*'
unix_socket_directories = '/run/postgresql'
shared_preload_libraries = 'pg_stat_statements'
shared_buffers = 64MB
max_connections = 60
min_wal_size = 32MB
fsync = off
track_io_timing = on
log_min_duration_statement = 200ms
log_lock_waits = on
log_line_prefix = '%m [%p] %q%u@%d/%a '
`;

const CLUSTER_SQL = `
CREATE ROLE shop LOGIN;

CREATE ROLE ${READER} LOGIN IN ROLE pg_monitor, pg_read_all_data;

CREATE DATABASE shop OWNER shop;

`;

/** The shop's tables. order_item's foreign key has its index. Statements end at an empty line: single-user mode asks so. */
const SHOP_SQL = `
CREATE EXTENSION pg_stat_statements;

CREATE TABLE product (id int PRIMARY KEY, name text NOT NULL, sold int NOT NULL DEFAULT 0);

INSERT INTO product SELECT n, 'Product ' || n FROM generate_series(1, ${LIMITS.products}) n;

CREATE TABLE orders (id int PRIMARY KEY, customer text NOT NULL, total numeric NOT NULL);

INSERT INTO orders SELECT n, 'Customer ' || n % 5000, n % 300 FROM generate_series(1, ${LIMITS.orders}) n;

CREATE TABLE order_item (id int PRIMARY KEY, order_id int NOT NULL REFERENCES orders,
  product_id int NOT NULL, amount int NOT NULL);

INSERT INTO order_item SELECT n, n % ${LIMITS.orders} + 1, n % ${LIMITS.products} + 1, n % 5 + 1
  FROM generate_series(1, ${LIMITS.orderItems}) n;

CREATE INDEX order_item_order ON order_item (order_id);

ALTER TABLE product OWNER TO shop;

ALTER TABLE orders OWNER TO shop;

ALTER TABLE order_item OWNER TO shop;

VACUUM ANALYZE;

CHECKPOINT;

`;

const SQL_FILES = { 'cluster.sql': CLUSTER_SQL, 'shop.sql': SHOP_SQL };
const SQL = Object.values(SQL_FILES).join('\n');
