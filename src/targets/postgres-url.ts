import { WarroomError } from '../errors/catalogue.ts';
import type { SocketAddress } from './contract.ts';

/** As libpq names them; `no-verify` is what others call `require`. */
export type SslMode = 'disable' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';

export interface PostgresUrl {
  readonly address: SocketAddress;
  /** For checking a certificate. */
  readonly host: string;
  readonly user: string;
  readonly password: string | undefined;
  readonly database: string;
  /** Whether the URL itself names a database. */
  readonly named: boolean;
  readonly sslMode: SslMode;
  /** Files of this machine. */
  readonly sslRootCert: string | undefined;
  readonly sslCert: string | undefined;
  readonly sslKey: string | undefined;
}

const MODES: Readonly<Record<string, SslMode>> = {
  disable: 'disable',
  allow: 'prefer',
  prefer: 'prefer',
  require: 'require',
  'no-verify': 'require',
  'verify-ca': 'verify-ca',
  'verify-full': 'verify-full',
};
const PORT = 5432;

/**
 * `postgres://user:password@host:port/database?sslmode=…`; a socket is `?host=/var/run/postgresql`, as libpq writes it.
 * Throws BAD_ANSWER without the URL, which holds a password.
 */
export function postgresUrl(text: string, target: string): PostgresUrl {
  const wrong = (problem: string) =>
    new WarroomError('BAD_ANSWER', { target, expected: 'a URL postgres://user@host:port/database', problem });
  let url: URL;
  try {
    // Without a host in it the URL is one of a socket: a placeholder makes it one that can be read.
    url = new URL(text.replace(/^(postgres(?:ql)?:\/\/(?:[^@/?#]*@)?)(?=[/?#]|$)/, '$1socket'));
  } catch {
    throw wrong('it cannot be read as a URL');
  }
  if (url.protocol !== 'postgres:' && url.protocol !== 'postgresql:')
    throw wrong(`it begins with ${url.protocol}`);
  const query = (name: string) => url.searchParams.get(name) ?? undefined;
  const host = query('host') ?? decoded(url.hostname).replace(/^\[(.*)\]$/, '$1');
  const port = Number(url.port || query('port') || PORT);
  const user = decoded(url.username) || query('user') || 'warroom';
  const password = decoded(url.password) || query('password') || undefined;
  const path = decoded(url.pathname.slice(1));
  const mode = MODES[query('sslmode') ?? 'prefer'];
  if (mode === undefined) throw wrong(`it has sslmode=${query('sslmode')}`);
  const socket = host === 'socket' ? '/var/run/postgresql' : host.startsWith('/') ? host : undefined;
  return {
    address: socket === undefined ? { host, port } : { path: `${socket}/.s.PGSQL.${port}` },
    host,
    user,
    password,
    database: path || query('dbname') || user,
    named: path !== '' || query('dbname') !== undefined,
    // A socket's other end is this machine: libpq leaves TLS out as well.
    sslMode: socket === undefined ? mode : 'disable',
    sslRootCert: query('sslrootcert'),
    sslCert: query('sslcert'),
    sslKey: query('sslkey'),
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
