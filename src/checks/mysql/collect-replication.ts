import { WarroomError } from '../../errors/catalogue.ts';
import { mysqlErrno } from '../../targets/mysql-errors.ts';
import type { MysqlClient, MysqlRow } from '../../targets/mysql-link.ts';
import type { CollectContext } from '../contract.ts';
import { plain } from '../rate.ts';
import { wrongRole } from '../roles.ts';
import { withServer } from './collect.ts';
import type { ReplicaChannel, Replication } from './facts.ts';
import { number, seconds, text } from './rows.ts';

/** MariaDB's first, which tells all connections; MySQL's since 8.0.22; the one that 8.4 has no more. */
const STATEMENTS = ['SHOW ALL SLAVES STATUS', 'SHOW REPLICA STATUS', 'SHOW SLAVE STATUS'];
/** Which of them a client's server takes. */
const taken = new WeakMap<MysqlClient, string>();

/** Throws NO_RIGHT where the config calls a server a replica that is a primary, or the primary that is a replica. */
export async function collectReplication(context: CollectContext): Promise<Replication> {
  const role = context.place.server?.role ?? 'only';
  return withServer(context, async (client) => {
    const [row] = await client.ask("SHOW GLOBAL VARIABLES LIKE 'read_only'");
    const readOnly = /^(ON|1|NO_LOCK.*)$/i.test(row ? text(row, 'value') : '');
    const rows = await status(client).catch((thrown: unknown) => {
      // A primary needs no such right: what it is asked for is whether it is one.
      if (role !== 'replica' && thrown instanceof WarroomError && thrown.code === 'NO_RIGHT')
        return undefined;
      throw thrown;
    });
    const channels = (rows ?? []).slice(0, 20).map(channelOf);
    if (role === 'replica' && channels.length === 0 && !readOnly)
      throw wrongRole(
        context,
        'is a primary: it replicates from nobody and can be written to',
        'Make it anew from a backup of the primary (CHANGE MASTER TO …; START SLAVE; SET GLOBAL read_only = ON), or take it out of "replicas".',
      );
    if (role === 'primary' && channels.length > 0 && readOnly)
      throw wrongRole(
        context,
        `is a replica now, of ${channels[0]?.source || 'another server'}`,
        'Give the URL of the new primary as "primary", and this one under "replicas".',
      );
    return { role, readOnly, told: rows !== undefined, channels };
  });
}

async function status(client: MysqlClient): Promise<readonly MysqlRow[]> {
  const known = taken.get(client);
  if (known !== undefined) return client.ask(known);
  for (const statement of STATEMENTS) {
    try {
      const rows = await client.ask(statement);
      taken.set(client, statement);
      return rows;
    } catch (thrown) {
      // 1064: it does not know the words.
      if (mysqlErrno(thrown) !== 1064) throw thrown;
    }
  }
  return [];
}

/** A row of any of the three: MySQL 8 calls a master a source and a slave a replica. */
export function channelOf(row: MysqlRow): ReplicaChannel {
  const either = (...names: string[]) =>
    names.map((name) => text(row, name)).find((value) => value !== '') ?? '';
  const at = (file: string, position: string) => (file === '' ? '' : `${file}:${position}`);
  const source = either('source_host', 'master_host');
  const io = either('replica_io_running', 'slave_io_running');
  const sql = either('replica_sql_running', 'slave_sql_running');
  return {
    name: plain(either('connection_name', 'channel_name'), 64),
    source: plain(source === '' ? '' : `${source}:${either('source_port', 'master_port')}`, 120),
    io: plain(io, 20),
    sql: plain(sql, 20),
    behind: seconds(
      row,
      row.has('seconds_behind_source') ? 'seconds_behind_source' : 'seconds_behind_master',
    ),
    delay: number(row, 'sql_delay') ?? 0,
    error: plain(withoutValues(either('last_io_error', 'last_sql_error')), 240),
    read: plain(
      at(either('source_log_file', 'master_log_file'), either('read_source_log_pos', 'read_master_log_pos')),
      120,
    ),
    applied: plain(
      either('gtid_slave_pos', 'executed_gtid_set') ||
        at(
          either('relay_source_log_file', 'relay_master_log_file'),
          either('exec_source_log_pos', 'exec_master_log_pos'),
        ),
      160,
    ),
  };
}

/**
 * `Error 'Duplicate entry 'x' for key 'PRIMARY'' on query. … Query: 'INSERT …'` -> `Duplicate entry '…'`. Quotes stand
 * within quotes and values may hold some, so everything from the first to the last is blank.
 */
export function withoutValues(error: string): string {
  const said = /^Error ['"]([\s\S]*?)['"] on query\./.exec(error)?.[1] ?? error;
  return said.replace(/'[\s\S]*'/, "'…'").replace(/"[\s\S]*"/, '"…"');
}
