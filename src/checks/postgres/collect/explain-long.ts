import type { CollectContext } from '../../contract.ts';
import { blankSql } from '../../sql.ts';
import { onServer } from '../ask.ts';
import type { Activity } from './activity.ts';
import { explain, type Plan, refused } from './explain.ts';

/** A running statement that was explained while it ran. */
export interface Explained {
  /** UTC ms. */
  readonly at: number;
  readonly key: string;
  readonly pid: number;
  readonly queryId: string | null;
  readonly query: string;
  readonly plan: Plan;
}

/** A launch's own rule: longer is too long. */
const LONG_SECONDS = 1;
const MOST_A_ROUND = 2;
const KEPT = 20;
const KEEP_MS = 10 * 60_000;

/** The plans of what runs long: each statement once in ten minutes, two a round, and none that waits for a lock. */
export async function explainLong(
  context: CollectContext,
  rows: readonly Activity[],
  database: string,
  before: readonly Explained[],
): Promise<readonly Explained[]> {
  const now = Date.now();
  const kept = before.filter((one) => one.at <= now && now - one.at < KEEP_MS);
  const wanted = new Map<string, Activity>();
  for (const row of rows) {
    if (row.kind !== 'client backend' || row.state !== 'active' || row.waitType === 'Lock') continue;
    if (
      (row.querySeconds ?? 0) < LONG_SECONDS ||
      row.database !== database ||
      refused(textOf(row)) !== undefined
    )
      continue;
    const key = keyOf(row);
    if (!kept.some((one) => one.key === key) && wanted.size < MOST_A_ROUND) wanted.set(key, row);
  }
  if (wanted.size === 0) return kept;
  const made = await onServer(context, async (client) => {
    const plans: Explained[] = [];
    for (const [key, row] of wanted) {
      const plan = await explain(client, { ...textOf(row), role: row.role });
      const query = blankSql(row.query, 'postgres');
      plans.push({ at: now, key, pid: row.pid, queryId: row.queryId, query, plan });
    }
    return plans;
  });
  return [...made, ...kept].slice(0, KEPT);
}

/** The same for all runs of a statement: the server's own id of it, or its text without literals. */
export function keyOf(row: Pick<Activity, 'queryId' | 'query'>): string {
  return row.queryId ?? blankSql(row.query, 'postgres', 1000);
}

function textOf(row: Activity) {
  return { text: row.query, cut: row.cut };
}
