import { type ChildProcess, execFile, spawn } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { missingOf } from '../../installed.ts';
import { freePort, until } from '../varnish/servers.ts';

const run = promisify(execFile);
const ENV = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8' };
const PGBOUNCER = '/usr/sbin/pgbouncer';

function binaries(): string | undefined {
  try {
    const versions = readdirSync('/usr/lib/postgresql').map(Number).filter(Number.isFinite);
    const folder = `/usr/lib/postgresql/${Math.max(...versions)}/bin`;
    accessSync(join(folder, 'initdb'));
    return folder;
  } catch {
    return undefined;
  }
}

/** Why tests with a real PostgreSQL cannot run here; undefined when they can. In CI a missing one is a failure. */
export function missingPostgres(): string | undefined {
  return missingOf([binaries() ?? 'postgresql', PGBOUNCER]);
}

export interface Server {
  readonly port: number;
  readonly folder: string;
  readonly child: ChildProcess;
  url(role: string, database?: string): string;
  /** A session of the test's own; ended with the servers. */
  session(role: string, application?: string, database?: string): Promise<pg.Client>;
  /** As superuser, one statement after the other, without a transaction around. */
  sql(...statements: readonly string[]): Promise<pg.QueryResult[]>;
}

/** Real PostgreSQL and PgBouncer on free ports in a folder of their own; all end with `stop`. */
export class PostgresServers {
  readonly folder = mkdtempSync(join(tmpdir(), 'warroom-pg-'));
  readonly #children = new Set<ChildProcess>();
  readonly #sessions = new Set<pg.Client>();
  readonly #user = process.getuid?.() === 0 ? 'postgres' : undefined;

  constructor() {
    chmodSync(this.folder, 0o755);
    this.#own(this.folder);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#sessions].map((session) => session.end().catch(() => undefined)));
    await Promise.all([...this.#children].map((child) => this.end(child)));
    rmSync(this.folder, { recursive: true, force: true });
  }

  async end(child: ChildProcess, signal: NodeJS.Signals = 'SIGQUIT'): Promise<void> {
    this.#children.delete(child);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }

  /** Trusts everybody on loopback and its socket. `settings` are lines of postgresql.conf. */
  async postgres(settings: readonly string[] = [], hba = 'host all all 127.0.0.1/32 trust'): Promise<Server> {
    const port = await freePort();
    const data = join(this.folder, `data-${port}`);
    await this.#as([
      join(binaries() ?? '', 'initdb'),
      '-D',
      data,
      '--no-sync',
      '-A',
      'trust',
      '-E',
      'UTF8',
      '--locale=C.UTF-8',
    ]);
    writeFileSync(
      join(data, 'pg_hba.conf'),
      `local all all trust\nhost all postgres 127.0.0.1/32 trust\n${hba}\nhost replication all 127.0.0.1/32 trust\n`,
    );
    return this.#start(data, port, settings);
  }

  /** A replica that streams from another server of this test. */
  async replica(primary: Server, name: string): Promise<Server> {
    const port = await freePort();
    const data = join(this.folder, `data-${port}`);
    const from = `host=127.0.0.1 port=${primary.port} user=postgres application_name=${name}`;
    await this.#as([
      ...[join(binaries() ?? '', 'pg_basebackup'), '-D', data, '-d', from, '-R', '-X', 'stream'],
      ...['-C', '-S', name, '-c', 'fast', '--no-sync'],
    ]);
    return this.#start(data, port, ['hot_standby = on']);
  }

  async #start(data: string, port: number, settings: readonly string[]): Promise<Server> {
    writeFileSync(
      join(data, 'postgresql.auto.conf'),
      `${readFileSync(join(data, 'postgresql.auto.conf'), 'utf8')}
listen_addresses = '127.0.0.1'
port = ${port}
unix_socket_directories = '${this.folder}'
shared_preload_libraries = 'pg_stat_statements'
shared_buffers = 32MB
fsync = off
max_wal_size = 128MB
timezone = 'UTC'
${settings.join('\n')}
`,
    );
    const child = this.#spawn([join(binaries() ?? '', 'postgres'), '-D', data]);
    const server: Server = {
      port,
      folder: this.folder,
      child,
      url: (role, database = 'shop') => `postgres://${role}@127.0.0.1:${port}/${database}`,
      session: (role, application = 'test', database = 'shop') =>
        this.session(port, role, application, database),
      sql: async (...statements) => {
        const session = await this.session(
          port,
          'postgres',
          'test',
          statements[0]?.startsWith('CREATE DATABASE') ? 'postgres' : 'shop',
        );
        const results: pg.QueryResult[] = [];
        for (const statement of statements) results.push(await session.query(statement));
        await session.end();
        return results;
      },
    };
    await until(() =>
      this.session(port, 'postgres', 'test', 'postgres').then((session) => session.end().then(() => true)),
    );
    return server;
  }

  async pgbouncer(
    server: Server,
    settings: readonly string[] = [],
  ): Promise<{ port: number; file: string; child: ChildProcess }> {
    const port = await freePort();
    const users = join(this.folder, `users-${port}.txt`);
    writeFileSync(users, ['shop', 'report', 'warroom', 'boss'].map((role) => `"${role}" ""\n`).join(''));
    const file = join(this.folder, `pgbouncer-${port}.ini`);
    const to = `host=127.0.0.1 port=${server.port} dbname=shop`;
    writeFileSync(
      file,
      `[databases]
shop = ${to}
report = ${to}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${users}
admin_users = boss
stats_users = warroom
pool_mode = transaction
default_pool_size = 2
server_login_retry = 1
${settings.join('\n')}
`,
    );
    for (const path of [users, file]) this.#own(path);
    const child = this.#spawn([PGBOUNCER, '-q', file]);
    await until(() =>
      this.session(port, 'boss', 'test', 'pgbouncer').then((session) => session.end().then(() => true)),
    );
    return { port, file, child };
  }

  async session(port: number, role: string, application: string, database: string): Promise<pg.Client> {
    const session = new pg.Client({
      host: '127.0.0.1',
      port,
      user: role,
      database,
      ...(database === 'pgbouncer' ? {} : { application_name: application }),
    });
    // Those that a test ends, or that end with their server, are no news.
    session.on('error', () => undefined);
    await session.connect();
    this.#sessions.add(session);
    return session;
  }

  /** What a native program of PostgreSQL says: psql, pg_dump. */
  async native(program: 'psql' | 'pg_dump', argv: readonly string[]): Promise<string> {
    const { stdout } = await run(join(binaries() ?? '', program), argv, { env: ENV, maxBuffer: 8e6 });
    return stdout;
  }

  mkdir(name: string): string {
    const path = join(this.folder, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  #own(path: string): void {
    if (this.#user === undefined) return;
    const line = readFileSync('/etc/passwd', 'utf8').match(/^postgres:[^:]*:(\d+):(\d+):/m);
    chownSync(path, Number(line?.[1]), Number(line?.[2]));
  }

  #prefix(): string[] {
    return this.#user === undefined
      ? []
      : ['setpriv', `--reuid=${this.#user}`, `--regid=${this.#user}`, '--clear-groups'];
  }

  async #as(argv: readonly string[]): Promise<void> {
    const [program = '', ...rest] = [...this.#prefix(), ...argv];
    await run(program, rest, { env: ENV, cwd: this.folder });
  }

  #spawn(argv: readonly string[]): ChildProcess {
    const [program = '', ...rest] = [...this.#prefix(), ...argv];
    // setpriv becomes the server: the pid is the server's own.
    const child = spawn(program, rest, { cwd: this.folder, env: ENV, stdio: 'ignore' });
    this.#children.add(child);
    return child;
  }
}

/** The shop: order_item's foreign key has no index. */
export const SHOP = ['CREATE DATABASE shop'];
export const TABLES = [
  'CREATE ROLE shop LOGIN',
  'CREATE ROLE report LOGIN IN ROLE pg_read_all_data',
  'CREATE ROLE warroom LOGIN IN ROLE pg_monitor',
  'CREATE EXTENSION pg_stat_statements',
  'ALTER DATABASE shop OWNER TO shop',
  'GRANT ALL ON SCHEMA public TO shop',
  'SET ROLE shop',
  'CREATE TABLE orders (id int PRIMARY KEY, customer text NOT NULL, total numeric NOT NULL DEFAULT 0)',
  "INSERT INTO orders SELECT n, 'Customer ' || n % 500, n % 300 FROM generate_series(1, 5000) n",
  'CREATE TABLE order_item (id int PRIMARY KEY, order_id int NOT NULL REFERENCES orders, amount int NOT NULL)',
  'INSERT INTO order_item SELECT n, n % 5000 + 1, n % 5 + 1 FROM generate_series(1, 60000) n',
  'CREATE TABLE django_migrations (id int PRIMARY KEY, app varchar(255) NOT NULL, name varchar(255) NOT NULL)',
  "INSERT INTO django_migrations VALUES (1, 'shop', '0001_initial'), (2, 'shop', '0002_order_item_index')",
  'RESET ROLE',
  'GRANT USAGE ON SCHEMA public TO warroom',
  'GRANT SELECT ON ALL TABLES IN SCHEMA public TO warroom',
  'VACUUM ANALYZE',
];

/** A server with the shop in it. */
export async function shopOn(
  servers: PostgresServers,
  settings: readonly string[] = [],
  hba?: string,
): Promise<Server> {
  const server = await servers.postgres(settings, hba);
  await server.sql(...SHOP);
  await server.sql(...TABLES);
  return server;
}
