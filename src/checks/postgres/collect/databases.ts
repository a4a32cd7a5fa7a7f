import { z } from 'zod';
import type { CollectContext } from '../../contract.ts';
import { ask, needMonitor, onServer } from '../ask.ts';

const Database = z.object({
  name: z.string(),
  commits: z.number(),
  rollbacks: z.number(),
  hits: z.number(),
  reads: z.number(),
  deadlocks: z.number(),
  tempBytes: z.number(),
  resetAt: z.string().nullable(),
});
const Age = z.object({
  database: z.string(),
  transactions: z.number(),
  multixacts: z.number(),
  freezeMax: z.number(),
  multixactFreezeMax: z.number(),
});

export interface DatabasesSnapshot {
  readonly startedAt: string;
  readonly databases: readonly z.infer<typeof Database>[];
  readonly ages: readonly z.infer<typeof Age>[];
}
const Started = z.object({ at: z.string() });

/** Counters of all databases of the server, and how old their oldest transactions are. */
export async function collectDatabases(context: CollectContext): Promise<DatabasesSnapshot> {
  return onServer(context, async (client) => {
    await needMonitor(client, context.target.name);
    const [started] = await ask(client, Started, 'SELECT pg_postmaster_start_time()::text AS at');
    const databases = await ask(
      client,
      Database,
      `SELECT coalesce(datname::text, '') AS name, xact_commit::float8 AS commits, xact_rollback::float8 AS rollbacks,
        blks_hit::float8 AS hits, blks_read::float8 AS reads, deadlocks::float8 AS deadlocks,
        temp_bytes::float8 AS "tempBytes", stats_reset::text AS "resetAt"
      FROM pg_stat_database LIMIT 500`,
    );
    const ages = await ask(
      client,
      Age,
      `SELECT datname::text AS database, age(datfrozenxid)::float8 AS transactions,
        mxid_age(datminmxid)::float8 AS multixacts,
        current_setting('autovacuum_freeze_max_age')::float8 AS "freezeMax",
        current_setting('autovacuum_multixact_freeze_max_age')::float8 AS "multixactFreezeMax"
      FROM pg_database ORDER BY age(datfrozenxid) DESC LIMIT 50`,
    );
    return { startedAt: started?.at ?? '', databases, ages };
  });
}
