import { reason, WarroomError } from '../errors/catalogue.ts';

export interface MysqlAsked {
  /** Whose server it is. */
  readonly name: string;
  /** Our account as a GRANT names it. */
  readonly account: string;
  /** What was asked; empty while signing in. */
  readonly sql: string;
}

/** Number of the server's error that was thrown, or of the error behind ours; undefined when it is none. */
export function mysqlErrno(thrown: unknown): number | undefined {
  const cause = thrown instanceof WarroomError ? thrown.cause : thrown;
  const errno = (cause as { errno?: unknown } | undefined)?.errno;
  return typeof errno === 'number' && errno >= 1000 ? errno : undefined;
}

/**
 * What a server's refusal means and the statement that mends it. Privileges are called as the server itself calls them
 * ("you need (at least one of) the SUPER, SLAVE MONITOR privilege(s)": MariaDB and MySQL differ). Other errors of a
 * statement come back as they are.
 */
export function explainedMysql(thrown: unknown, asked: MysqlAsked): unknown {
  if (thrown instanceof WarroomError) return thrown;
  const { errno, code, message } = thrown as { errno?: number; code?: string; message: string };
  const right = (what: string, mend: string) =>
    new WarroomError('NO_RIGHT', { target: asked.name, what, mend }, thrown);
  const unreachable = (problem: string, mend: string) =>
    new WarroomError('TARGET_UNREACHABLE', { target: asked.name, problem, mend }, thrown);
  const from = /'[^']*'@'[^']*'/.exec(message)?.[0] ?? asked.account;
  switch (errno) {
    case 1045:
    case 1698:
      return right(
        'sign in',
        `The server does not know ${from} with the password of its URL. On it: CREATE USER ${from} IDENTIFIED BY '…'; or put the right password where the URL is kept.`,
      );
    case 1130:
    case 1524:
      return right(
        'sign in from here',
        `On the server: CREATE USER 'warroom'@'%' IDENTIFIED BY '…'; it says: ${said(message)}`,
      );
    case 1044:
      return right(
        'open that database',
        `On the server: GRANT SELECT ON ${/to database '([^']+)'/.exec(message)?.[1] ?? '*'}.* TO ${asked.account};`,
      );
    case 1820:
    case 1862:
      return right(
        'sign in: its password has expired',
        `On the server: ALTER USER ${asked.account} PASSWORD EXPIRE NEVER;`,
      );
    case 1142:
    case 1143:
      return tableRight(message, asked, right);
    case 1227:
      return right(
        whatFor(message),
        `On the server: GRANT ${privilege(message)} ON *.* TO ${asked.account};`,
      );
    case 1040:
      return unreachable(
        'all its connections are taken',
        'End what holds them: SHOW PROCESSLIST as an administrator, whom one connection is kept for; then a pool with a bound in the application, or SET GLOBAL max_connections.',
      );
    case 1203:
    case 1226:
      return unreachable(
        `our account is at a limit of its own: ${said(message)}`,
        `On the server: ALTER USER ${asked.account} WITH MAX_USER_CONNECTIONS 5 MAX_QUERIES_PER_HOUR 0 MAX_CONNECTIONS_PER_HOUR 0;`,
      );
    case 1129:
      return unreachable(
        'the server blocks our address after too many broken connections',
        'On the server: FLUSH HOSTS; (MySQL 8: TRUNCATE TABLE performance_schema.host_cache;)',
      );
  }
  if (asked.sql !== '' && errno !== undefined && errno >= 1000) return thrown;
  if (/unknown plugin|AUTH_SWITCH_PLUGIN_ERROR|ER_NOT_SUPPORTED_AUTH_MODE/.test(`${code} ${message}`))
    return right(
      'sign in: its account uses a way that Warroom does not know',
      `On the server: ALTER USER ${asked.account} IDENTIFIED VIA mysql_native_password USING PASSWORD('…'); (MySQL 8: IDENTIFIED WITH caching_sha2_password BY '…')`,
    );
  if (code === 'HANDSHAKE_NO_SSL_SUPPORT')
    return unreachable('it has no TLS', 'Switch TLS on there, or take ssl-mode out of its URL.');
  return unreachable(
    reason(thrown) || 'the connection was lost',
    'Is it running, and is its URL the right one?',
  );
}

function tableRight(
  message: string,
  { account, sql }: MysqlAsked,
  right: (what: string, mend: string) => WarroomError,
): WarroomError {
  // MySQL leaves the schema out.
  const schema =
    /for table `([^`]+)`\./.exec(message)?.[1] ?? /\b(?:FROM|JOIN)\s+`?(\w+)`?\./i.exec(sql)?.[1] ?? '*';
  const statement = /^(?:\S+ )?(SHOW VIEW|SELECT)?/.exec(message)?.[1] ?? 'SELECT';
  return right(
    schema === 'performance_schema' ? 'read its statistics' : `read ${said(schema)}`,
    `On the server: GRANT ${statement} ON ${said(schema)}.* TO ${account};`,
  );
}

function privilege(message: string): string {
  const named = /\(at least one of\) the ([A-Z_, ]+?) privilege/.exec(message)?.[1]?.split(/,\s*/) ?? [];
  return named.filter((one) => one !== 'SUPER').at(-1) ?? 'PROCESS';
}

function whatFor(message: string): string {
  const one = privilege(message);
  if (one === 'PROCESS') return "see others' sessions and transactions";
  return /SLAVE|REPLICA|REPLICATION/.test(one) ? 'see how it replicates' : `do what needs ${one}`;
}

function said(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, '·').slice(0, 160);
}
