import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql, { type Connection } from 'mysql2/promise';
import { missingOf } from '../../installed.ts';

const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';

/** Why MariaDB cannot run here; undefined when it can. In CI a missing one is a failure. */
export function withoutMariadb(): string | undefined {
  const why = missingOf(['/usr/sbin/mariadbd', '/usr/bin/mariadb-install-db', '/usr/bin/mariadb']);
  if (why !== undefined || process.getuid?.() === 0) return why;
  if (process.env['CI']) throw new Error('MariaDB is started as root here');
  return 'MariaDB is started as root here';
}

export const PASSWORD = 'only-for-this-test';
/** What the docs ask for, and no more. */
export const GRANTS = `
GRANT PROCESS, SLAVE MONITOR ON *.* TO warroom;
GRANT SELECT ON performance_schema.* TO warroom;
GRANT SELECT ON shop.* TO warroom;`;

/** MariaDB servers of one test file in a folder of their own, on free ports of the loopback; all end with `stop`. */
export class Servers {
  readonly folder = mkdtempSync(join(tmpdir(), 'warroom-mysql-'));
  readonly #servers: MariaDb[] = [];
  #begun = 0;

  constructor() {
    chmodSync(this.folder, 0o755);
    const [uid, gid] = ['-u', '-g'].map((flag) =>
      Number(execFileSync('id', [flag, 'mysql'], { encoding: 'utf8' })),
    );
    chownSync(this.folder, uid as number, gid as number);
  }

  async start(options: readonly string[] = []): Promise<MariaDb> {
    const id = ++this.#begun;
    const name = `db${id}`;
    const data = join(this.folder, name);
    execFileSync(
      '/usr/bin/mariadb-install-db',
      [
        '--no-defaults',
        '--user=mysql',
        `--datadir=${data}`,
        '--auth-root-authentication-method=normal',
        '--skip-test-db',
        '--skip-name-resolve',
        '--innodb-log-file-size=8M',
        // The kernel's queues are few, and many servers may run on the machine.
        '--innodb-use-native-aio=0',
      ],
      { stdio: 'pipe', env: { ...process.env, PATH } },
    );
    const server = new MariaDb(name, data, await freePort(), options, id);
    this.#servers.push(server);
    await server.run();
    return server;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.end('SIGKILL')));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export class MariaDb {
  #child: ChildProcess | undefined;
  readonly #connections = new Set<Connection>();
  readonly socket: string;

  constructor(
    readonly name: string,
    readonly data: string,
    readonly port: number,
    private readonly options: readonly string[],
    private readonly id: number,
  ) {
    this.socket = `${data}.sock`;
  }

  async run(): Promise<void> {
    const argv = [
      '--no-defaults',
      '--user=mysql',
      `--datadir=${this.data}`,
      `--socket=${this.socket}`,
      `--pid-file=${this.data}.pid`,
      `--port=${this.port}`,
      '--bind-address=127.0.0.1',
      '--skip-name-resolve',
      `--server-id=${this.id}`,
      '--innodb-buffer-pool-size=32M',
      '--innodb-flush-log-at-trx-commit=0',
      '--innodb-flush-method=nosync',
      '--innodb-use-native-aio=0',
      `--log-error=${this.data}.err`,
      ...this.options,
    ];
    this.#child = spawn('/usr/sbin/mariadbd', argv, { stdio: 'ignore', env: { ...process.env, PATH } });
    await until(async () => {
      const connection = await this.root();
      await connection.query('SELECT 1');
      return true;
    });
  }

  /** A connection of the administrator's, ended with the server. */
  root(database?: string): Promise<Connection> {
    return this.connect({ socketPath: this.socket, user: 'root', ...(database ? { database } : {}) });
  }

  async as(user: string, database = 'shop', attributes: Record<string, string> = {}): Promise<Connection> {
    return this.connect({
      host: '127.0.0.1',
      port: this.port,
      user,
      password: PASSWORD,
      database,
      connectAttributes: attributes,
    });
  }

  private async connect(options: mysql.ConnectionOptions): Promise<Connection> {
    const connection = await mysql.createConnection({ multipleStatements: true, ...options });
    connection.on('error', () => undefined);
    this.#connections.add(connection);
    return connection;
  }

  /** Statements of the administrator's; a list of several is fine. */
  async sql(statements: string): Promise<Record<string, unknown>[]> {
    const connection = await this.root();
    try {
      const [rows] = await connection.query(statements);
      return rows as Record<string, unknown>[];
    } finally {
      connection.destroy();
      this.#connections.delete(connection);
    }
  }

  url(user = 'warroom', database = '/shop'): string {
    return `mysql://${user}:${PASSWORD}@127.0.0.1:${this.port}${database}`;
  }

  /** What MariaDB's own client says, as tables with tabs. */
  native(statement: string): string {
    return execFileSync(
      '/usr/bin/mariadb',
      ['--no-defaults', `--socket=${this.socket}`, '-u', 'root', '-N', '-e', statement],
      {
        encoding: 'utf8',
      },
    );
  }

  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    for (const connection of this.#connections) connection.destroy();
    this.#connections.clear();
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }
}

/** The shop as the tests know it: order_item points to orders by its name alone, as in many a shop. */
export const SHOP = `
CREATE DATABASE shop CHARACTER SET utf8mb4;
${['warroom', 'shop', 'report', 'nobody'].map((user) => `CREATE USER ${user} IDENTIFIED BY '${PASSWORD}';`).join('\n')}
GRANT ALL ON shop.* TO shop; GRANT SELECT ON shop.* TO report;
${GRANTS}
USE shop;
CREATE TABLE product (id int PRIMARY KEY, name varchar(100) NOT NULL, sold int NOT NULL DEFAULT 0);
INSERT INTO product SELECT seq, CONCAT('Product ', seq), 0 FROM seq_1_to_1000;
CREATE TABLE orders (id int PRIMARY KEY, customer varchar(100) NOT NULL, total decimal(8,2) NOT NULL);
INSERT INTO orders SELECT seq, CONCAT('Customer ', seq % 5000), seq % 300 FROM seq_1_to_5000;
CREATE TABLE order_item (id int PRIMARY KEY, order_id int NOT NULL, product_id int NOT NULL, amount int NOT NULL,
  KEY order_item_order (order_id), CONSTRAINT order_item_product FOREIGN KEY (product_id) REFERENCES product (id));
INSERT INTO order_item SELECT seq, seq % 5000 + 1, seq % 1000 + 1, seq % 5 + 1 FROM seq_1_to_40000;
CREATE TABLE django_migrations (id int PRIMARY KEY, app varchar(255) NOT NULL, name varchar(255) NOT NULL, applied datetime(6) NOT NULL);
INSERT INTO django_migrations VALUES (1, 'shop', '0001_initial', '2026-03-02 09:00:00'), (2, 'shop', '0002_order_item_order_index', '2026-09-07 09:00:00');
ANALYZE TABLE product, orders, order_item;`;

export async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Waits for something to be true, at most 20 s, and gives it. */
export async function until<T>(look: () => Promise<T | undefined | false>, ms = 30_000): Promise<T> {
  const end = Date.now() + ms;
  let last: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found) return found;
    } catch (thrown) {
      last = thrown;
    }
    if (Date.now() > end) throw new Error(`it did not come to that within ${ms} ms`, { cause: last });
    // InnoDB shows its transactions and locks anew only when nobody looked for 100 ms.
    await sleep(150);
  }
}
