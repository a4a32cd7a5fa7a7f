import { z } from 'zod';
import { reason, WarroomError } from '../../errors/catalogue.ts';
import { type PgbouncerClient, type PgbouncerCommand, pgbouncerLink } from '../../targets/postgres-link.ts';
import { sqlState } from '../../targets/sql-errors.ts';
import type { CollectContext } from '../contract.ts';

const text = z.coerce.string().catch('');
const count = z.coerce.number().catch(0);

const Pool = z.object({
  database: text,
  user: text,
  cl_active: count,
  cl_waiting: count,
  sv_active: count,
  sv_idle: count,
  sv_used: count,
  sv_login: count,
  maxwait: count,
  maxwait_us: count,
  pool_mode: text,
});
const Database = z.object({
  name: text,
  host: text,
  port: text,
  database: text,
  pool_size: count,
  // Called reserve_pool up to 1.22.
  reserve_pool: count,
  reserve_pool_size: count,
  max_connections: count,
  current_connections: count,
  paused: count,
  disabled: count,
});
const Stat = z.object({
  database: text,
  total_xact_count: count,
  total_query_count: count,
  /** Microseconds. */
  total_wait_time: count,
  total_query_time: count,
});
const Setting = z.object({ key: text, value: text });

export interface PoolsSnapshot {
  readonly pools: readonly z.infer<typeof Pool>[];
  readonly databases: readonly z.infer<typeof Database>[];
  readonly stats: readonly z.infer<typeof Stat>[];
}
export type ConfigSnapshot = ReadonlyMap<string, string>;

const MOST = 1000;

export async function collectPools(context: CollectContext): Promise<PoolsSnapshot> {
  return onConsole(context, async (client) => {
    const pools = await rows(client, Pool, 'SHOW POOLS');
    return {
      // The console's own pool is no pool.
      pools: pools.filter((pool) => pool.database !== 'pgbouncer').slice(0, MOST),
      databases: (await rows(client, Database, 'SHOW DATABASES'))
        .filter((one) => one.name !== 'pgbouncer')
        .slice(0, MOST),
      stats: (await rows(client, Stat, 'SHOW STATS'))
        .filter((one) => one.database !== 'pgbouncer')
        .slice(0, MOST),
    };
  });
}

export async function collectConfig(context: CollectContext): Promise<ConfigSnapshot> {
  return onConsole(
    context,
    async (client) =>
      new Map((await rows(client, Setting, 'SHOW CONFIG')).map(({ key, value }) => [key, value])),
  );
}

/** Works with the console of this place's pooler. NO_RIGHT names the line of pgbouncer.ini that lets us in. */
export async function onConsole<R>(
  context: CollectContext,
  work: (client: PgbouncerClient) => Promise<R>,
): Promise<R> {
  const { place } = context;
  if (!place.server)
    throw new WarroomError('NOT_FOUND', { kind: 'console', id: place.target, hint: 'Give its URL: admin.' });
  try {
    return await context.link(pgbouncerLink, place.server.source, work);
  } catch (thrown) {
    throw explained(thrown, context);
  }
}

export async function rows<T extends z.ZodType>(
  client: PgbouncerClient,
  row: T,
  command: PgbouncerCommand,
): Promise<z.infer<T>[]> {
  return z.array(row).parse(await client.show(command));
}

/** The console refuses everybody whom its configuration does not name, whatever his password is. */
function explained(thrown: unknown, context: CollectContext): unknown {
  if (!(thrown instanceof WarroomError) || sqlState(thrown) === undefined) return thrown;
  if (thrown.code !== 'NO_RIGHT' && thrown.code !== 'BAD_ANSWER') return thrown;
  const { place, target } = context;
  const config = place.service && place.stack.service(place.service.name, 'pgbouncer')?.config;
  const file = config?.file ?? 'pgbouncer.ini';
  return new WarroomError(
    'NO_RIGHT',
    {
      target: target.name,
      what: `read PgBouncer's console (${reason(thrown.cause)})`,
      mend: `In ${file}: stats_users = warroom; the role with its password in auth_file; then: RELOAD, or systemctl reload pgbouncer.`,
    },
    thrown,
  );
}
