import { z } from 'zod';
import type { PostgresClient } from '../../../targets/postgres-link.ts';
import type { CollectContext, Timed } from '../../contract.ts';
import { wrongRole } from '../../roles.ts';
import { ask, needMonitor, onServer } from '../ask.ts';
import { columnsOf, slotColumns } from '../columns.ts';

const Standby = z.object({
  application: z.string(),
  address: z.string().nullable(),
  state: z.string(),
  sync: z.string(),
  lagBytes: z.number().nullable(),
  lagSeconds: z.number().nullable(),
});
const Slot = z.object({
  name: z.string(),
  kind: z.string(),
  active: z.boolean(),
  keptBytes: z.number().nullable(),
  status: z.string().nullable(),
});
const Receiver = z.object({
  streaming: z.boolean(),
  paused: z.boolean(),
  lagBytes: z.number().nullable(),
  replayAge: z.number().nullable(),
  sender: z.string().nullable(),
});
const State = z.object({ recovering: z.boolean(), position: z.number().nullable() });

export interface ReplicationSnapshot {
  readonly recovering: boolean;
  /** Bytes of log since the first: written by a primary, replayed by a replica. */
  readonly position: number;
  readonly standbys: readonly z.infer<typeof Standby>[];
  readonly slots: readonly z.infer<typeof Slot>[];
  readonly receiver: z.infer<typeof Receiver> | undefined;
  /**
   * Of a replica: UTC ms when it was first seen with something left to replay, 0 when it was so from the first look on;
   * undefined while nothing is left.
   */
  readonly behindSince?: number;
}

/** Throws NO_RIGHT where the config calls a server a replica, or the primary, that is none: its figures would mislead. */
export async function collectReplication(
  context: CollectContext,
  previous?: Timed<ReplicationSnapshot>,
): Promise<ReplicationSnapshot> {
  return onServer(context, async (client) => {
    const target = context.target.name;
    await needMonitor(client, target);
    const [state] = await ask(
      client,
      State,
      `SELECT pg_is_in_recovery() AS recovering, pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery()
        THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, '0/0')::float8 AS position`,
    );
    const recovering = state?.recovering ?? false;
    const wanted = context.place.server?.role;
    if (wanted === 'replica' && !recovering)
      throw wrongRole(
        context,
        'is a primary and follows nobody',
        'Rebuild it with pg_basebackup -R, or take it out of "replicas".',
      );
    if (wanted === 'primary' && recovering)
      throw wrongRole(
        context,
        'is a replica now',
        'Give the URL of the new primary as "primary", and this one under "replicas".',
      );
    const here = recovering ? await receiver(client) : undefined;
    const behind = here !== undefined && (here.lagBytes ?? 0) > 0;
    return {
      recovering,
      position: state?.position ?? 0,
      standbys: recovering ? [] : await standbys(client),
      slots: await slots(client, recovering),
      receiver: here,
      ...(behind ? { behindSince: previous ? (previous.snapshot.behindSince ?? Date.now()) : 0 } : {}),
    };
  });
}

function standbys(client: PostgresClient) {
  return ask(
    client,
    Standby,
    `SELECT coalesce(application_name, '') AS application, host(client_addr) AS address, coalesce(state, '') AS state,
      coalesce(sync_state, '') AS sync, pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::float8 AS "lagBytes",
      extract(epoch FROM replay_lag)::float8 AS "lagSeconds"
    FROM pg_stat_replication WHERE application_name <> 'pg_basebackup' ORDER BY 1 LIMIT 50`,
  );
}

async function slots(client: PostgresClient, recovering: boolean) {
  const { status } = slotColumns((await columnsOf(client)).get('pg_replication_slots') ?? new Set());
  const now = recovering ? 'pg_last_wal_replay_lsn()' : 'pg_current_wal_lsn()';
  return ask(
    client,
    Slot,
    `SELECT s.slot_name::text AS name, s.slot_type AS kind, s.active,
      pg_wal_lsn_diff(${now}, s.restart_lsn)::float8 AS "keptBytes", ${status} AS status
    FROM pg_replication_slots s ORDER BY 4 DESC NULLS LAST LIMIT 50`,
  );
}

/** How far a replica is behind what it has received; and how old the newest transaction is that it replayed. */
async function receiver(client: PostgresClient) {
  const [row] = await ask(
    client,
    Receiver,
    `SELECT EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming') AS streaming,
      pg_is_wal_replay_paused() AS paused,
      greatest(pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()), 0)::float8 AS "lagBytes",
      extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8 AS "replayAge",
      (SELECT sender_host FROM pg_stat_wal_receiver LIMIT 1) AS sender`,
  );
  return row;
}
