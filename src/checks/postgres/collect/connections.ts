import { z } from 'zod';
import { reason } from '../../../errors/catalogue.ts';
import { isFull } from '../../../targets/sql-errors.ts';
import type { CollectContext } from '../../contract.ts';
import { ask, needMonitor, onServer } from '../ask.ts';

const Row = z.object({
  role: z.string(),
  address: z.string().nullable(),
  application: z.string(),
  database: z.string(),
  state: z.string(),
  count: z.number(),
  oldestSeconds: z.number(),
});
const Limits = z.object({
  version: z.number(),
  most: z.number(),
  reserved: z.number(),
  buffers: z.number().optional(),
});

export interface ConnectionsSnapshot {
  readonly version: number;
  readonly most: number;
  readonly reserved: number;
  /** Bytes of shared_buffers. */
  readonly buffers?: number;
  readonly rows: readonly z.infer<typeof Row>[];
  /** What the server said when it had no place left for us. */
  readonly full?: string;
}

const MOST = 200;

/** Who holds connections. That there is none left for us is an answer too: the most important one. */
export async function collectConnections(context: CollectContext): Promise<ConnectionsSnapshot> {
  try {
    return await onServer(context, async (client) => {
      await needMonitor(client, context.target.name);
      const [limits] = await ask(
        client,
        Limits,
        `SELECT current_setting('server_version_num')::int AS version, current_setting('max_connections')::int AS most,
          current_setting('superuser_reserved_connections')::int
            + coalesce(current_setting('reserved_connections', true)::int, 0) AS reserved,
          pg_size_bytes(current_setting('shared_buffers'))::float8 AS buffers`,
      );
      const rows = await ask(
        client,
        Row,
        `SELECT coalesce(usename::text, '') AS role, host(client_addr) AS address,
          coalesce(application_name, '') AS application, coalesce(datname::text, '') AS database,
          coalesce(state, '') AS state, count(*)::int AS count,
          coalesce(max(extract(epoch FROM clock_timestamp() - state_change)), 0)::float8 AS "oldestSeconds"
        FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
        GROUP BY 1, 2, 3, 4, 5 ORDER BY 6 DESC LIMIT ${MOST}`,
      );
      return {
        version: limits?.version ?? 0,
        most: limits?.most ?? 0,
        reserved: limits?.reserved ?? 0,
        ...(limits?.buffers === undefined ? {} : { buffers: limits.buffers }),
        rows,
      };
    });
  } catch (thrown) {
    if (!isFull(thrown)) throw thrown;
    return { version: 0, most: 0, reserved: 0, rows: [], full: reason(thrown) };
  }
}
