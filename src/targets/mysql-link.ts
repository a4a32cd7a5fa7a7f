import { readFileSync } from 'node:fs';
import { Duplex } from 'node:stream';
import type { Connection, FieldPacket } from 'mysql2';
import { reason, WarroomError } from '../errors/catalogue.ts';
import type { SocketAddress } from './contract.ts';
import type { LinkKind, Way } from './links.ts';
import { explainedMysql } from './mysql-errors.ts';

/** A row by its columns' names in lower case: servers differ in how they write them. */
export type MysqlRow = ReadonlyMap<string, string | number | null>;

/** Marks each statement of ours, so that whoever looks into a process list or a log knows it. */
export const OURS = '/* warroom */';

/** A statement is ended by the server after it. */
const STATEMENT_SECONDS = 2;
const MAX_BYTES = 8 * 1024 * 1024;
const CONNECT_MS = 4000;

export interface MysqlClient {
  /** What the server calls our account: `'warroom'@'%'`, as a GRANT names it. */
  readonly account: string;
  readonly version: string;
  readonly mariadb: boolean;
  /** The database that the URL names. */
  readonly database: string | undefined;
  /**
   * One statement of ours, its values bound by the server. Answers over 8 MiB are TARGET_CUT; a missing right is
   * NO_RIGHT with its GRANT; what else the server says is thrown as mysql2 gives it (`errno`).
   */
  ask(sql: string, values?: readonly (string | number)[]): Promise<readonly MysqlRow[]>;
}

const connections = new WeakMap<MysqlClient, Connection>();

/**
 * MySQL 5.7 and later and MariaDB 10.5 and later; only MariaDB is tried against a server in the tests. The URL is
 * `mysql://user:password@host:port/database`, with `?socket=/run/mysqld/mysqld.sock` for a unix socket, and
 * `?ssl-mode=REQUIRED | VERIFY_CA | VERIFY_IDENTITY` (with `ssl-ca=FILE`) for TLS; over SSH the way is encrypted anyway.
 *
 * The reading account needs, on MariaDB: GRANT PROCESS, SLAVE MONITOR ON *.*; on MySQL: GRANT PROCESS, REPLICATION
 * CLIENT ON *.*; on both: GRANT SELECT ON performance_schema.*, and on the application's database. Its sessions are READ
 * ONLY, end a statement after 2 s (MySQL: a SELECT) and wait for no lock longer than 1 s.
 */
export const mysqlLink: LinkKind<MysqlClient> = {
  id: 'mysql',
  open,
  close: (client) => connections.get(client)?.destroy(),
  // A refusal of one statement leaves the session whole; but rights that were given since count for new sessions only.
  survives: (thrown) =>
    thrown instanceof Error && !(thrown instanceof WarroomError) && !('fatal' in thrown && thrown.fatal),
};

async function open(way: Way): Promise<MysqlClient> {
  const to = destination(way);
  // Megabytes that a stack without MySQL does not need.
  const { default: mysql } = await import('mysql2');
  const stream = new Bounded(await way.connect(to.address));
  const connection = mysql.createConnection({
    stream,
    host: to.host,
    user: to.user,
    password: to.password,
    ...(to.ssl ? { ssl: to.ssl } : {}),
    connectTimeout: CONNECT_MS,
    connectAttributes: { program_name: 'warroom' },
    // A server may ask its client for any file unless the client says that it has none.
    flags: ['-LOCAL_FILES'],
    multipleStatements: false,
    supportBigNumbers: true,
    dateStrings: true,
    // Row parsers made from what a server calls its columns are code that a server could write.
    disableEval: true,
    trace: false,
    maxPreparedStatements: 40,
  });
  guard(connection);
  try {
    await connected(connection, way.signal);
    return await signedIn(connection, stream, way.name, to);
  } catch (thrown) {
    connection.destroy();
    throw explainedMysql(thrown, { name: way.name, account: accountText(`${to.user}@%`), sql: '' });
  }
}

async function signedIn(
  connection: Connection,
  stream: Bounded,
  name: string,
  { user, database }: Destination,
): Promise<MysqlClient> {
  const promised = connection.promise();
  let account = accountText(`${user}@%`);
  const ask: MysqlClient['ask'] = async (sql, values = []) => {
    stream.received = 0;
    const text = `${OURS} ${sql}`;
    const options = { sql: text, rowsAsArray: true };
    try {
      // As text: MySQL 8 takes no floating number behind LIMIT, and mysql2 sends every number as one.
      const [rows, fields] =
        values.length > 0
          ? await promised.execute(options, values.map(String))
          : await promised.query(options);
      return Array.isArray(rows) ? toRows(rows as unknown[][], fields ?? []) : [];
    } catch (thrown) {
      if (stream.over)
        throw new WarroomError('TARGET_CUT', { target: name, command: cut(sql), maxBytes: MAX_BYTES });
      throw explainedMysql(thrown, { name, account, sql });
    }
  };
  const known = new Map(
    (
      await ask(
        "SHOW SESSION VARIABLES WHERE Variable_name IN ('version', 'max_statement_time', 'max_execution_time', 'lock_wait_timeout', 'innodb_lock_wait_timeout')",
      )
    ).map((row) => [String(row.get('variable_name')), String(row.get('value'))]),
  );
  const version = known.get('version') ?? '';
  const mariadb = /mariadb/i.test(version);
  // Function names stand apart from their brackets in digest texts; times of transactions are in the system's zone.
  const settings = ["sql_mode = 'IGNORE_SPACE'", "time_zone = 'SYSTEM'"];
  if (known.has('lock_wait_timeout')) settings.push('lock_wait_timeout = 1');
  if (known.has('innodb_lock_wait_timeout')) settings.push('innodb_lock_wait_timeout = 1');
  // Seconds on MariaDB, milliseconds on MySQL.
  if (mariadb && known.has('max_statement_time')) settings.push(`max_statement_time = ${STATEMENT_SECONDS}`);
  if (known.has('max_execution_time')) settings.push(`max_execution_time = ${STATEMENT_SECONDS * 1000}`);
  await ask(`SET SESSION ${settings.join(', ')}`);
  await ask('SET SESSION TRANSACTION READ ONLY');
  const [who] = await ask('SELECT CURRENT_USER() AS account');
  account = accountText(String(who?.get('account') ?? ''));
  const client: MysqlClient = { account, version, mariadb, database, ask };
  connections.set(client, connection);
  return client;
}

/** `warroom@%` -> `'warroom'@'%'`. */
function accountText(user: string): string {
  const at = user.lastIndexOf('@');
  return [user.slice(0, at), user.slice(at + 1)].map((part) => `'${part.replaceAll("'", "''")}'`).join('@');
}

function toRows(rows: readonly unknown[][], fields: readonly FieldPacket[]): MysqlRow[] {
  const names = fields.map((field) => field.name.toLowerCase());
  return rows.map((row) => new Map(names.map((name, i) => [name, cell(row[i])])));
}

function cell(value: unknown): string | number | null {
  if (value === null || value === undefined) return null;
  return typeof value === 'number' ? value : Buffer.isBuffer(value) ? value.toString('utf8') : String(value);
}

function connected(connection: Connection, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = () => connection.destroy();
    signal.addEventListener('abort', late, { once: true });
    const settle = (thrown: unknown) => {
      signal.removeEventListener('abort', late);
      if (thrown) reject(thrown);
      else resolve();
    };
    connection.connect(settle);
    connection.on('error', settle);
    connection.on('end', () => settle(new Error('it closed the connection before it said who it is')));
  });
}

/** What a broken server says makes the parser throw within an event, which would end the process. */
function guard(connection: Connection): void {
  const inside = connection as unknown as { handlePacket(packet: unknown): void; stream: Duplex };
  const handle = inside.handlePacket.bind(connection);
  inside.handlePacket = (packet) => {
    try {
      handle(packet);
    } catch (thrown) {
      inside.stream.destroy(new Error(`it does not speak MySQL: ${reason(thrown)}`));
    }
  };
}

interface Destination {
  readonly address: SocketAddress;
  readonly host: string;
  readonly user: string;
  readonly password: string;
  readonly database: string | undefined;
  readonly ssl: { ca?: string; rejectUnauthorized: boolean; verifyIdentity: boolean } | undefined;
}

function destination({ name, url }: Way): Destination {
  try {
    const parsed = new URL(url.reveal());
    if (!/^(mysql|mariadb):$/.test(parsed.protocol)) throw new Error(`it begins with ${parsed.protocol}`);
    const socket = parsed.searchParams.get('socket');
    const host = parsed.hostname.replace(/^\[(.*)\]$/, '$1') || '127.0.0.1';
    return {
      address: socket ? { path: socket } : { host, port: Number(parsed.port || 3306) },
      host,
      user: decodeURIComponent(parsed.username),
      password: decodeURIComponent(parsed.password),
      database: decodeURIComponent(parsed.pathname.slice(1)) || undefined,
      ssl: tls(parsed.searchParams),
    };
  } catch (thrown) {
    throw new WarroomError('TARGET_UNREACHABLE', {
      target: name,
      // The words of a URL parser hold the URL.
      problem: thrown instanceof WarroomError ? thrown.message : 'its URL is not one of MySQL',
      mend: 'Write mysql://user:password@host:3306/database, with what is special in user and password as %XX.',
    });
  }
}

function tls(search: URLSearchParams): Destination['ssl'] {
  const asked = (search.get('ssl-mode') ?? search.get('ssl') ?? '').toLowerCase().replaceAll('-', '_');
  if (asked === '' || /^(disabled|preferred|false|0)$/.test(asked)) return undefined;
  const ca = search.get('ssl-ca');
  const verify = asked.startsWith('verify');
  return {
    ...(ca ? { ca: readFileSync(ca, 'utf8') } : {}),
    rejectUnauthorized: verify,
    verifyIdentity: asked === 'verify_identity',
  };
}

/** Passes a stream on, counts what comes in, and ends it when one answer is beyond all measure. */
class Bounded extends Duplex {
  received = 0;
  over = false;

  constructor(private readonly inner: Duplex) {
    super();
    inner.on('data', (chunk: Buffer) => {
      this.received += chunk.length;
      this.over = this.received > MAX_BYTES;
      if (this.over) this.destroy(new Error(`it answered with more than ${MAX_BYTES} bytes`));
      else if (!this.push(chunk)) inner.pause();
    });
    inner.on('end', () => this.push(null));
    inner.on('error', (thrown) => this.destroy(thrown));
    inner.on('close', () => this.destroy());
  }

  override _read(): void {
    this.inner.resume();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (thrown?: Error | null) => void): void {
    this.inner.write(chunk, encoding, done);
  }

  override _final(done: () => void): void {
    this.inner.end(done);
  }

  override _destroy(thrown: Error | null, done: (thrown: Error | null) => void): void {
    this.inner.destroy();
    done(thrown);
  }
}

function cut(sql: string): string {
  return sql.length > 80 ? `${sql.slice(0, 79)}…` : sql;
}
