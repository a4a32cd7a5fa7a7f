import type { ClientUse, DatabaseUse } from '../../clients.ts';
import type { Measured, Timed } from '../../contract.ts';
import { plain } from '../../rate.ts';
import { blankSql } from '../../sql.ts';
import type { Activity, ActivitySnapshot } from '../collect/activity.ts';
import type { Explained } from '../collect/explain-long.ts';
import { originOf, type UseSample } from '../collect/use-sample.ts';
import type { PlanRow, PostgresFacts, SessionRow } from '../facts.ts';
import { lockTree } from './lock-tree.ts';

export function measureActivity(
  _previous: Timed<ActivitySnapshot> | undefined,
  { snapshot }: Timed<ActivitySnapshot>,
): Measured<PostgresFacts> {
  const sessions = snapshot.rows
    .filter((row) => row.state !== 'idle')
    .map((row) => sessionRow(row, snapshot))
    .sort((a, b) => b.seconds - a.seconds);
  const clients = sessions.filter((row) => row.kind === 'client backend');
  const active = clients.filter((row) => row.state === 'active');
  const use = useOf(snapshot.window);
  return {
    readings: [
      { metric: 'postgres.active', value: active.length, unit: 'count' },
      {
        metric: 'postgres.idle_in_transaction',
        value: clients.filter(isIdleInTransaction).length,
        unit: 'count',
      },
      {
        metric: 'postgres.waiting_locks',
        value: sessions.filter((row) => row.wait.startsWith('Lock:')).length,
        unit: 'count',
      },
      {
        metric: 'postgres.longest_query',
        value: Math.max(0, ...active.map((row) => row.seconds)),
        unit: 's',
      },
      ...(use ? [{ metric: 'postgres.busy', value: use.busy, unit: 'cores' as const }] : []),
    ],
    facts: {
      sessions,
      lockTree: lockTree(sessions, snapshot.waits),
      plans: snapshot.explained.map(planRow),
      ...(use ? { use } : {}),
    },
  };
}

export function isIdleInTransaction(row: Pick<SessionRow, 'state'>): boolean {
  return row.state.startsWith('idle in transaction');
}

function sessionRow(row: Activity, snapshot: ActivitySnapshot): SessionRow {
  const origin = originOf(row, snapshot.pools);
  const running = row.state === 'active' || row.state === 'fastpath function call';
  const wait =
    row.waitType === null || row.waitType === 'Client' ? '' : `${row.waitType}:${row.waitEvent ?? ''}`;
  return {
    pid: row.pid,
    backendStart: row.backendStart,
    role: plain(origin.role, 63),
    database: plain(row.database, 63),
    address: origin.address,
    ...(origin.through === undefined ? {} : { through: origin.through }),
    application: plain(origin.application, 63),
    kind: row.kind,
    state: row.state,
    seconds: Math.max(0, (running ? row.querySeconds : row.stateSeconds) ?? 0),
    transactionSeconds: row.transactionSeconds,
    wait,
    query: blankSql(row.query, 'postgres'),
    ...(row.queryId === null ? {} : { queryId: row.queryId }),
    xminAge: row.xminAge,
    writes: row.writes,
    blockedBy: snapshot.waits.find((wait) => wait.pid === row.pid)?.by ?? [],
  };
}

function planRow({ pid, queryId, query, plan }: Explained): PlanRow {
  return {
    pid,
    ...(queryId === null ? {} : { queryId }),
    query,
    lines: plan.lines,
    sequential: plan.sequential,
    ...(plan.problem === undefined ? {} : { problem: plan.problem }),
  };
}

/**
 * Database time by client. What a role's statements took is counted by the server, with what still runs; how it is
 * divided among the addresses of the role was sampled. Without pg_stat_statements, or after its reset, samples alone.
 */
export function useOf(window: readonly UseSample[]): DatabaseUse | undefined {
  const last = window.at(-1);
  const first = window[0];
  if (!last || !first || last === first) return undefined;
  const counted = countedByRole(window);
  const merged = new Map<string, { -readonly [K in keyof ClientUse]: ClientUse[K] }>();
  for (const sample of window) {
    for (const client of sample.clients) {
      const key = JSON.stringify([client.role, client.address, client.application, client.database]);
      const kept = merged.get(key) ?? {
        role: plain(client.role, 63),
        address: client.address,
        application: plain(client.application, 63),
        database: plain(client.database, 63),
        sessions: 0,
        busy: 0,
        queries: [],
      };
      kept.busy += client.active / window.length;
      // Those of now; a client that left has none.
      if (sample === last) kept.sessions = client.sessions;
      kept.queries = [...new Set([...client.queries, ...kept.queries])].slice(0, 5);
      merged.set(key, kept);
    }
  }
  const clients = [...merged.values()];
  for (const [role, busy] of counted)
    scale(
      clients.filter((one) => one.role === plain(role, 63)),
      busy,
    );
  const shown = clients.filter((one) => one.sessions > 0 || one.busy > 0).sort((a, b) => b.busy - a.busy);
  return {
    seconds: (last.at - first.at) / 1000,
    busy: shown.reduce((sum, one) => sum + one.busy, 0),
    clients: shown,
  };
}

/** Makes the clients of a role have its counted time together: as they were sampled, else by their sessions. */
function scale(clients: { busy: number; sessions: number }[], busy: number): void {
  const sampled = clients.reduce((sum, one) => sum + one.busy, 0);
  const sessions = clients.reduce((sum, one) => sum + one.sessions, 0);
  for (const client of clients)
    client.busy =
      sampled > 0
        ? (client.busy / sampled) * busy
        : sessions > 0
          ? (client.sessions / sessions) * busy
          : busy / clients.length;
}

/** Seconds a second by role between the first and last look at the counters; a role whose counters fell is left out. */
function countedByRole(window: readonly UseSample[]): Map<string, number> {
  const looks = window.filter((sample) => sample.roles !== undefined);
  const [first, last] = [looks[0], looks.at(-1)];
  const counted = new Map<string, number>();
  if (!first?.roles || !last?.roles || first === last) return counted;
  const seconds = (last.at - first.at) / 1000;
  for (const { role, seconds: now } of last.roles) {
    const before = first.roles.find((one) => one.role === role)?.seconds ?? 0;
    // Statements that failed or were cancelled are not counted at their end: a small step back is none.
    if (seconds > 0 && now >= before) counted.set(role, (now - before) / seconds);
  }
  return counted;
}
