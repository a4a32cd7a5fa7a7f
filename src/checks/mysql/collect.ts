import { WarroomError } from '../../errors/catalogue.ts';
import { mysqlErrno } from '../../targets/mysql-errors.ts';
import { type MysqlClient, type MysqlRow, mysqlLink, OURS } from '../../targets/mysql-link.ts';
import type { CollectContext, Timed } from '../contract.ts';
import { plain } from '../rate.ts';
import { capabilities, type Questions, questions } from './capabilities.ts';
import type { LockWait, LongQuery, SessionRow, TransactionPart } from './facts.ts';
import { fingerprint } from './fingerprint.ts';
import { explainSession } from './plans.ts';
import { addressOf, number, seconds, text } from './rows.ts';

export interface ActivitySnapshot {
  /** The server refuses us because all its connections are taken: nothing else is known. */
  readonly full: boolean;
  /** Of SHOW GLOBAL STATUS and VARIABLES, those of NUMBERS that the server has. */
  readonly numbers: ReadonlyMap<string, number>;
  readonly sessions: readonly SessionRow[];
  readonly waits: readonly LockWait[];
  readonly longQueries: readonly LongQuery[];
  /** Of the last minute, this one with it, oldest first. */
  readonly samples: readonly Sample[];
}

/** Who worked at one moment. */
export interface Sample {
  readonly at: number;
  readonly working: readonly Pick<SessionRow, 'user' | 'address' | 'database' | 'program' | 'query'>[];
}

const STATUS = [
  'Threads_connected',
  'Threads_running',
  'Max_used_connections',
  'Queries',
  'Slow_queries',
  'Uptime',
  'Aborted_connects',
  'Connection_errors_max_connections',
  'Innodb_buffer_pool_read_requests',
  'Innodb_buffer_pool_reads',
  'Innodb_buffer_pool_pages_total',
  'Innodb_buffer_pool_pages_free',
  'Innodb_buffer_pool_pages_dirty',
  'Innodb_buffer_pool_bytes_data',
  'Innodb_buffer_pool_wait_free',
  'Innodb_row_lock_waits',
];
const VARIABLES = ['max_connections', 'innodb_buffer_pool_size', 'innodb_lru_scan_depth'];
const SAMPLES_MS = 60_000;
const MOST_WORKING = 200;
/** A longer query is explained while it runs; the longest few of them. */
export const LONG_S = 1;
const MOST_EXPLAINED = 2;
const METADATA_WAIT = /^Waiting for (table )?metadata lock/i;
/** Threads of the server's own, and those that feed replicas. */
const NOBODY = /^(system user|event_scheduler)$/;
const IDLE = /^(Sleep|Daemon|Binlog Dump.*|Slave_.*|Connect|Delayed insert)$/i;

export async function collectActivity(
  context: CollectContext,
  previous: Timed<ActivitySnapshot> | undefined,
): Promise<ActivitySnapshot> {
  const before = previous?.snapshot.samples ?? [];
  try {
    return await withServer(context, async (client) => {
      const ask = questions(await capabilities(client));
      const numbers = await readNumbers(client);
      const sessions = await readSessions(client, ask);
      const waits = await readWaits(client, ask, sessions);
      const at = Date.now();
      const working = sessions.filter(isWorking).slice(0, MOST_WORKING);
      return {
        full: false,
        numbers,
        sessions,
        waits,
        longQueries: await explainLong(client, sessions, waits),
        samples: [...before.filter((one) => one.at <= at && one.at > at - SAMPLES_MS), { at, working }],
      };
    });
  } catch (thrown) {
    // What the check must say is not that it could not look.
    if (thrown instanceof WarroomError && mysqlErrno(thrown) === 1040)
      return { full: true, numbers: new Map(), sessions: [], waits: [], longQueries: [], samples: before };
    throw thrown;
  }
}

/** Works with a client of this place's server. */
export function withServer<R>(
  context: CollectContext,
  work: (client: MysqlClient) => Promise<R>,
): Promise<R> {
  const source = context.place.server?.source;
  if (source === undefined)
    throw new WarroomError('TARGET_UNREACHABLE', {
      target: context.place.instance,
      problem: 'the config does not say how',
      mend: 'Set "primary" on the service.',
    });
  return context.link(mysqlLink, source, work);
}

export async function readNumbers(client: MysqlClient): Promise<ReadonlyMap<string, number>> {
  const list = (names: readonly string[]) => names.map((name) => `'${name}'`).join(', ');
  const rows = [
    ...(await client.ask(`SHOW GLOBAL STATUS WHERE Variable_name IN (${list(STATUS)})`)),
    ...(await client.ask(`SHOW GLOBAL VARIABLES WHERE Variable_name IN (${list(VARIABLES)})`)),
  ];
  return new Map(
    rows.flatMap((row) => {
      const value = number(row, 'value');
      return value === undefined ? [] : [[text(row, 'variable_name').toLowerCase(), value] as const];
    }),
  );
}

export async function readSessions(client: MysqlClient, ask: Questions): Promise<SessionRow[]> {
  const rows = await client.ask(ask.sessions);
  const transactions = new Map(
    (await client.ask(ask.transactions)).map((row) => [number(row, 'id'), transactionOf(row)]),
  );
  const programs = new Map(
    ask.programs === undefined
      ? []
      : (await client.ask(ask.programs)).map((row) => [number(row, 'id'), plain(text(row, 'program'), 60)]),
  );
  return rows
    .filter((row) => !isOurs(row))
    .map((row) => {
      const id = number(row, 'id') ?? 0;
      return {
        id,
        user: plain(text(row, 'user'), 80),
        address: clean(addressOf(text(row, 'host'))),
        database: plain(text(row, 'db'), 64),
        command: plain(text(row, 'command'), 40),
        state: plain(text(row, 'state'), 80),
        seconds: seconds(row, 'seconds') ?? 0,
        query: plain(fingerprint(text(row, 'info')), 600),
        program: programs.get(id) ?? '',
        rowsExamined: number(row, 'examined'),
        transaction: transactions.get(id),
      };
    });
}

/** Works on a statement of somebody's; the server's own threads and those that feed replicas do not. */
export function isWorking(session: SessionRow): boolean {
  return !IDLE.test(session.command) && !NOBODY.test(session.user);
}

/** Somebody's session, not a thread of the server's own. */
export function isClient(session: SessionRow): boolean {
  return !NOBODY.test(session.user) && !/^(Binlog Dump.*|Daemon|Slave_.*)$/i.test(session.command);
}

/** Our other connections: the mark alone is anybody's to set, so the account must be ours too. */
function isOurs(row: MysqlRow): boolean {
  return number(row, 'ours') === 1 && text(row, 'info').startsWith(OURS);
}

function clean(address: string | undefined): string | undefined {
  return address === undefined ? undefined : plain(address, 80);
}

function transactionOf(row: MysqlRow): TransactionPart {
  return {
    seconds: seconds(row, 'seconds') ?? 0,
    rowsLocked: number(row, 'locked') ?? 0,
    rowsModified: number(row, 'modified') ?? 0,
    waits: text(row, 'state') === 'LOCK WAIT',
  };
}

/**
 * Lock tables are read only while somebody waits: reading them holds the lock system of InnoDB for a moment. A wait's
 * begin is told in whole seconds, so what its statement has run bounds it.
 */
export async function readWaits(
  client: MysqlClient,
  ask: Questions,
  sessions: readonly SessionRow[],
): Promise<LockWait[]> {
  const running = new Map(sessions.map((one) => [one.id, one.seconds]));
  const read = async (sql: string | undefined, kind: LockWait['kind']) =>
    sql === undefined
      ? []
      : (await client.ask(sql))
          .flatMap((row) => waitOf(row, kind))
          .map((wait) => ({
            ...wait,
            seconds: Math.min(wait.seconds, running.get(wait.waiter) ?? wait.seconds),
          }));
  const rows = sessions.some((one) => one.transaction?.waits) ? await read(ask.lockWaits, 'row') : [];
  const standing = sessions.filter((one) => METADATA_WAIT.test(one.state));
  if (standing.length === 0) return rows;
  const tables = await read(ask.metadataWaits, 'table');
  const told = new Set(tables.map((wait) => wait.waiter));
  const untold = standing
    .filter((one) => !told.has(one.id))
    .map(
      (one): LockWait => ({
        waiter: one.id,
        blocker: undefined,
        kind: 'table',
        object: one.database,
        mode: '',
        seconds: one.seconds,
      }),
    );
  return [...rows, ...tables, ...untold];
}

function waitOf(row: MysqlRow, kind: LockWait['kind']): LockWait[] {
  const [waiter, blocker] = [number(row, 'waiter'), number(row, 'blocker')];
  // A transaction that was prepared by an XA coordinator has no session: id 0.
  if (waiter === undefined) return [];
  return [
    {
      waiter,
      blocker,
      kind,
      object: plain(text(row, 'object').replaceAll('`', ''), 130),
      mode: plain(text(row, 'mode'), 40),
      seconds: seconds(row, 'seconds') ?? 0,
    },
  ];
}

async function explainLong(
  client: MysqlClient,
  sessions: readonly SessionRow[],
  waits: readonly LockWait[],
): Promise<LongQuery[]> {
  const waiting = new Set(waits.map((wait) => wait.waiter));
  const long = sessions
    .filter((one) => isWorking(one) && one.seconds > LONG_S && !waiting.has(one.id) && one.query !== '')
    .sort((a, b) => b.seconds - a.seconds)
    .slice(0, MOST_EXPLAINED);
  const found: LongQuery[] = [];
  for (const { id } of long) found.push({ id, ...(await explainSession(client, id)) });
  return found;
}
