import type { Duplex } from 'node:stream';
import pg from 'pg';
import { reason, WarroomError } from '../errors/catalogue.ts';
import type { LinkKind, Way } from './links.ts';
import { openTls } from './postgres-tls.ts';
import { type PostgresUrl, postgresUrl } from './postgres-url.ts';
import { refusedSignIn, sqlState } from './sql-errors.ts';

export const APPLICATION = 'warroom';
/** An answer that is larger is thrown away: no statistics are. */
const MAX_BYTES = 8 * 1024 * 1024;

/**
 * What each session is told at its start: it can change nothing, hold nothing up and wait for nothing long. Statistics
 * name what they read with its schema, so that nobody can put a function of his own before it.
 */
const SETTINGS = {
  default_transaction_read_only: 'on',
  statement_timeout: '3000',
  lock_timeout: '500',
  idle_in_transaction_session_timeout: '10000',
  search_path: 'pg_catalog',
  client_encoding: 'UTF8',
  datestyle: 'ISO',
  timezone: 'UTC',
} as const;

/** One signed-in session. `rows` sends one statement by the extended protocol, which refuses a second one in its text. */
export interface PostgresClient {
  /** The role that it is signed in as. */
  readonly role: string;
  readonly database: string;
  readonly version: number;
  /** What the collectors of this session remember of the server (which columns its views have). */
  readonly remembered: Map<string, unknown>;
  /**
   * Throws NO_RIGHT (42501), TARGET_DEADLINE (statement or lock timeout), TARGET_CUT, TARGET_UNREACHABLE (the session
   * ended) or BAD_ANSWER; `sqlState` of what was thrown gives the server's own code.
   */
  rows(text: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  end(): void;
}

/** PostgreSQL itself, never a pooler before it: session settings would reach other people's transactions there. */
export const postgresLink: LinkKind<PostgresClient> = {
  id: 'postgres',
  open: async (way) => {
    const url = postgresUrl(way.url.reveal(), way.name);
    const options = Object.entries(SETTINGS)
      .map(([name, value]) => `-c ${name}=${value}`)
      .join(' ');
    const { query, end } = await signIn(way, url, options);
    const remembered = new Map<string, unknown>();
    const rows: PostgresClient['rows'] = (text, values = []) => query({ text, values, extended: true });
    try {
      const [about] = await rows(
        `SELECT current_user::text AS role, pg_catalog.current_database()::text AS database,
          pg_catalog.current_setting('server_version_num')::int AS version,
          pg_catalog.current_setting('default_transaction_read_only') AS read_only`,
      );
      if (about?.['read_only'] !== 'on') throw pooler(way.name, 'it drops the settings of a session');
      return {
        role: String(about['role']),
        database: String(about['database']),
        version: Number(about['version']),
        remembered,
        rows,
        end,
      };
    } catch (thrown) {
      end();
      throw thrown;
    }
  },
  close: (client) => client.end(),
  survives,
};

export interface PgbouncerClient {
  /** Sends one command of the console, e.g. `SHOW POOLS`; it knows only the simple protocol. */
  show(command: PgbouncerCommand): Promise<Record<string, unknown>[]>;
  end(): void;
}
export type PgbouncerCommand =
  `SHOW ${'POOLS' | 'DATABASES' | 'CONFIG' | 'CLIENTS' | 'SERVERS' | 'STATS' | 'LISTS' | 'VERSION'}`;

/** PgBouncer's console: database `pgbouncer`. */
export const pgbouncerLink: LinkKind<PgbouncerClient> = {
  id: 'pgbouncer',
  open: async (way) => {
    const given = postgresUrl(way.url.reveal(), way.name);
    const url = { ...given, database: given.named ? given.database : 'pgbouncer' };
    const { query, end } = await signIn(way, url, undefined);
    return { show: (text) => query({ text, values: [], extended: false }), end };
  },
  close: (client) => client.end(),
  survives,
};

/** An error of a statement leaves the session as it was; one that ended the session does not. */
function survives(thrown: unknown): boolean {
  const cause = thrown instanceof WarroomError ? thrown.cause : undefined;
  return (cause as { severity?: unknown } | undefined)?.severity === 'ERROR';
}

interface Session {
  query(ask: {
    text: string;
    values: readonly unknown[];
    extended: boolean;
  }): Promise<Record<string, unknown>[]>;
  end(): void;
}

async function signIn(way: Way, url: PostgresUrl, options: string | undefined): Promise<Session> {
  const raw = await way.connect(url.address);
  // A late error of a stream that nobody reads any more must not end the process.
  raw.on('error', () => undefined);
  let stream: Duplex = raw;
  let bytes = 0;
  let tooMuch = false;
  const onAbort = () => stream.destroy();
  way.signal.addEventListener('abort', onAbort, { once: true });
  try {
    stream = await openTls(raw, url, way.name);
    stream.on('error', () => undefined);
    // Before pg's own listener, which parses what it is given.
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= MAX_BYTES || tooMuch) return;
      tooMuch = true;
      stream.destroy();
    });
    const client = new pg.Client({
      user: url.user,
      database: url.database,
      host: 'connected',
      port: 1,
      password: () => {
        if (url.password === undefined) throw new Error('it asks for a password, and the URL has none');
        return url.password;
      },
      ssl: false,
      application_name: APPLICATION,
      ...(options === undefined ? {} : { options }),
      types: { getTypeParser },
      stream: () => connected(stream),
    } as pg.ClientConfig);
    client.on('error', () => undefined);
    await client.connect();
    return {
      end: () => stream.destroy(),
      query: async ({ text, values, extended }) => {
        bytes = 0;
        try {
          const config = { text, values: [...values], ...(extended ? { queryMode: 'extended' } : {}) };
          return (await client.query<Record<string, unknown>>(config)).rows;
        } catch (thrown) {
          throw tooMuch ? cut(way.name, text) : failed(way.name, text, thrown);
        }
      },
    };
  } catch (thrown) {
    stream.destroy();
    raw.destroy();
    if (tooMuch) throw cut(way.name, 'sign in');
    if (thrown instanceof WarroomError) throw thrown;
    if (
      sqlState(thrown) === '08P01' &&
      options !== undefined &&
      /unsupported startup parameter/.test(reason(thrown))
    )
      throw pooler(way.name, 'a pooler answers there');
    throw refusedSignIn(thrown, way.name, url);
  } finally {
    way.signal.removeEventListener('abort', onAbort);
  }
}

function pooler(target: string, why: string): WarroomError {
  return new WarroomError('NO_RIGHT', {
    target,
    what: `read statistics through a pooler (${why})`,
    mend: 'Give the URL of PostgreSQL itself (usually port 5432); the pooler is a service of its own: kind pgbouncer.',
  });
}

/** pg wants to open its stream itself. */
function connected(stream: Duplex): Duplex {
  const nothing = () => stream;
  return Object.assign(stream, {
    setNoDelay: nothing,
    setKeepAlive: nothing,
    ref: nothing,
    unref: nothing,
    connect: () => {
      process.nextTick(() => {
        // It was paused when the question of TLS was settled.
        stream.resume();
        stream.emit('connect');
      });
      return stream;
    },
  });
}

function cut(target: string, text: string): WarroomError {
  return new WarroomError('TARGET_CUT', { target, command: about(text), maxBytes: MAX_BYTES });
}

function failed(target: string, text: string, thrown: unknown): WarroomError {
  const problem = reason(thrown);
  switch (sqlState(thrown)) {
    case '42501':
      return new WarroomError(
        'NO_RIGHT',
        {
          target,
          what: `run "${about(text)}" (${problem})`,
          mend: 'As a superuser: GRANT pg_monitor TO warroom;',
        },
        thrown,
      );
    case '55P03':
      return new WarroomError(
        'TARGET_DEADLINE',
        {
          target,
          command: `${about(text)} (it waits for a lock, see /launch pg locks)`,
          timeoutMs: Number(SETTINGS.lock_timeout),
        },
        thrown,
      );
    case '57014':
      return new WarroomError(
        'TARGET_DEADLINE',
        { target, command: about(text), timeoutMs: Number(SETTINGS.statement_timeout) },
        thrown,
      );
    case undefined:
      return new WarroomError(
        'TARGET_UNREACHABLE',
        { target, problem, mend: 'It is connected to again in the next round.' },
        thrown,
      );
    default:
      return new WarroomError(
        'BAD_ANSWER',
        { target, expected: `an answer to "${about(text)}"`, problem },
        thrown,
      );
  }
}

/** The first words of our own statement; of an EXPLAIN, whose text is somebody else's, the first alone. */
function about(text: string): string {
  const words = text.replace(/\s+/g, ' ').trim();
  return /^(EXPLAIN|PREPARE)\b/.test(words) ? (words.split(' ')[0] as string) : words.slice(0, 60);
}

const INT8 = 20;
const NUMERIC = 1700;
/** 64-bit counts come as text: up to 2^53 they are numbers; what is an id is asked for as text. */
function getTypeParser(oid: number, format?: 'text' | 'binary') {
  if (oid === INT8 || oid === NUMERIC) return Number;
  return pg.types.getTypeParser(oid, format as 'text');
}
