import { z } from 'zod';
import type { CollectContext, Probe } from '../contract.ts';
import { blankSql } from '../sql.ts';
import { ask, needMonitor, onServer } from './ask.ts';
import { collectActivity } from './collect/activity.ts';
import { explain } from './collect/explain.ts';
import type { LockNode, PlanRow } from './facts.ts';
import { measureActivity } from './measure/activity.ts';

const Running = z.object({
  query: z.string(),
  role: z.string(),
  database: z.string(),
  state: z.string(),
  cut: z.boolean(),
});

/** The plan of what a session runs at the moment; nothing of it is run. `problem` says why there is none. */
export const explainPid: Probe<{ readonly pid: number }, PlanRow> = {
  id: 'postgres.explain',
  run: (context, { pid }) =>
    onServer(context, async (client) => {
      await needMonitor(client, context.target.name);
      const [row] = await ask(
        client,
        Running,
        `SELECT coalesce(query, '') AS query, coalesce(usename::text, '') AS role, coalesce(datname::text, '') AS database,
          coalesce(state, '') AS state,
          octet_length(query) >= pg_size_bytes(current_setting('track_activity_query_size')) - 1 AS cut
        FROM pg_stat_activity WHERE pid = $1 AND backend_type = 'client backend'`,
        [pid],
      );
      const nothing = (problem: string): PlanRow => ({ pid, query: '', lines: [], sequential: [], problem });
      if (!row) return nothing(`there is no client session ${pid}`);
      const query = blankSql(row.query, 'postgres');
      if (row.database !== client.database)
        return {
          ...nothing(`it works in database ${row.database}, Warroom is signed in to ${client.database}`),
          query,
        };
      const plan = await explain(client, { text: row.query, cut: row.cut, role: row.role });
      return { pid, query, ...plan };
    }),
};

/** Who waits for whom at the moment. */
export const lockTreeNow: Probe<undefined, readonly LockNode[]> = {
  id: 'postgres.lock-tree',
  run: async (context: CollectContext) => {
    const snapshot = await collectActivity(context, undefined);
    return measureActivity(undefined, { at: Date.now(), snapshot }).facts.lockTree ?? [];
  },
};
