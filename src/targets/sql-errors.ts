import { reason, WarroomError } from '../errors/catalogue.ts';
import type { PostgresUrl } from './postgres-url.ts';

/** SQLSTATE of an error of PostgreSQL or PgBouncer, or of the WarroomError that it became. */
export function sqlState(thrown: unknown): string | undefined {
  const of = (one: unknown) => {
    const code = (one as { code?: unknown } | undefined)?.code;
    // Node's own codes (EPIPE) may have five letters too; a SQLSTATE begins with a digit or one of F, H, P, X.
    return typeof code === 'string' && /^[0-9FHPX][0-9A-Z]{4}$/.test(code) && hasSeverity(one)
      ? code
      : undefined;
  };
  return of(thrown) ?? (thrown instanceof WarroomError ? of(thrown.cause) : undefined);
}

function hasSeverity(one: unknown): boolean {
  return typeof (one as { severity?: unknown }).severity === 'string';
}

/** Every connection slot is taken: that is a finding, not only a failure to look. */
export function isFull(thrown: unknown): boolean {
  return sqlState(thrown) === '53300';
}

/** Why a sign-in was refused, with the line that mends it. */
export function refusedSignIn(thrown: unknown, target: string, url: PostgresUrl): WarroomError {
  const problem = reason(thrown);
  const { user, database } = url;
  const role = quoted(user);
  const noRight = (what: string, mend: string) =>
    new WarroomError('NO_RIGHT', { target, what: `${what} (${problem})`, mend }, thrown);
  const unreachable = (why: string, mend: string) =>
    new WarroomError('TARGET_UNREACHABLE', { target, problem: why, mend }, thrown);
  // Not pg_read_all_data: that reads the hashes of all passwords too.
  const create = `CREATE ROLE ${role} LOGIN PASSWORD '…'; GRANT pg_monitor TO ${role}; and in the database ${database}, of each schema of the application: GRANT USAGE ON SCHEMA public TO ${role}; GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role};`;
  switch (sqlState(thrown)) {
    case '28P01':
      return noRight(`sign in as ${user}`, `Give the URL that role's password, or make the role: ${create}`);
    case '28000':
      if (/pg_hba|no encryption|SSL/i.test(problem))
        return noRight(
          `sign in as ${user} from there`,
          `In pg_hba.conf: host ${database} ${user} ADDRESS/32 scram-sha-256   then: SELECT pg_reload_conf();`,
        );
      return noRight(`sign in as ${user}`, `As a superuser: ${create}`);
    case '42501':
      return noRight(
        `use the database ${database}`,
        `GRANT CONNECT ON DATABASE ${quoted(database)} TO ${role};`,
      );
    case '3D000':
      return unreachable(
        `it has no database ${database}`,
        'Name one that it has in the URL; "psql -l" lists them.',
      );
    case '53300':
      if (/for role/.test(problem))
        return noRight(`open another connection as ${user}`, `ALTER ROLE ${role} CONNECTION LIMIT 10;`);
      return unreachable(
        `all of its connections are taken (${problem})`,
        'End idle sessions, or put a pooler before it. From PostgreSQL 16 on a place can be kept for us: reserved_connections, and GRANT pg_use_reserved_connections.',
      );
    case '57P03':
      return unreachable(problem, 'It is starting, stopping or recovering: its log says which.');
    case undefined:
      return unreachable(
        problem === 'Connection terminated unexpectedly' ? 'it hung up while Warroom signed in' : problem,
        'Is it PostgreSQL that listens there, and does its log say why?',
      );
    default:
      return noRight(`sign in as ${user}`, 'The log of the server says more.');
  }
}

function quoted(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}
