import { blankSql } from '../../sql.ts';
import type { Activity, RoleTime } from './activity.ts';
import type { PoolClient, PoolRead, Pools } from './pools.ts';

/** Who had sessions, and how many of them were working, at one moment. */
export interface UseSample {
  /** UTC ms. */
  readonly at: number;
  readonly clients: readonly ClientSample[];
  /** Database time by role until now, what still runs counted in: so its growth is the time that passed. */
  readonly roles?: readonly { readonly role: string; readonly seconds: number }[];
}

export interface ClientSample {
  readonly role: string;
  readonly address: string | undefined;
  readonly application: string;
  readonly database: string;
  /** Connections: of the pooler's clients where one stands between. */
  readonly sessions: number;
  /** Sessions at work; a part of one where only the pool's clients as a whole are known. */
  readonly active: number;
  readonly queries: readonly string[];
}

interface Read {
  readonly at: number;
  readonly role: string;
  readonly rows: readonly Activity[];
  readonly roles: readonly RoleTime[] | undefined;
}

/** Where a session really comes from. */
export interface Origin {
  readonly role: string;
  readonly address: string | undefined;
  readonly application: string;
  readonly database: string;
  readonly through?: string;
}

const MOST_QUERIES = 5;

export function useSample({ at, role: own, rows, roles }: Read, pools: Pools): UseSample {
  const sessions = rows.filter((row) => row.kind === 'client backend' && row.role !== own);
  const found = new Map<string, { -readonly [K in keyof ClientSample]: ClientSample[K] }>();
  const add = (origin: Origin, connections: number, active: number, query: string) => {
    const key = JSON.stringify([origin.role, origin.address, origin.application, origin.database]);
    const kept = found.get(key) ?? { ...origin, sessions: 0, active: 0, queries: [] };
    kept.sessions += connections;
    kept.active += active;
    if (query !== '' && kept.queries.length < MOST_QUERIES && !kept.queries.includes(query))
      kept.queries = [...kept.queries, query];
    found.set(key, kept);
  };
  for (const pool of pools.reads)
    for (const client of pool.clients) if (client.role !== own) add(client, 1, 0, '');
  for (const row of byLength(sessions)) {
    const active = row.state === 'active' || row.state === 'fastpath function call';
    const query = active ? blankSql(row.query, 'postgres', 200) : '';
    const origin = originOf(row, pools);
    // The pooler keeps sessions open: those that no client has are nobody's.
    if (origin.through !== undefined && !active) continue;
    const parts = origin.through === undefined ? [] : shares(row, pools);
    if (parts.length === 0) add(origin, 1, active ? 1 : 0, query);
    else for (const [client, part] of parts) add(client, 0, part, query);
  }
  return {
    at,
    clients: [...found.values()].map(
      ({ role, address, application, database, sessions, active, queries }) => ({
        role,
        address,
        application,
        database,
        sessions,
        active,
        queries,
      }),
    ),
    ...(roles === undefined ? {} : { roles: withRunning(roles, sessions, own) }),
  };
}

/** The pooler's client that has this session; the pooler's own where it is between two clients; else as it came. */
export function originOf(row: Activity, pools: Pools): Origin {
  for (const pool of pools.reads) {
    const server = serverOf(row, pool);
    if (!server) continue;
    const client = pool.clients.find((one) => one.pointer === server.link);
    const { role, address, application, database } = client ?? plainOrigin(row);
    return { role, address, application, database, through: pool.pooler };
  }
  return plainOrigin(row);
}

function plainOrigin(row: Activity): Origin {
  const { role, address, application, database } = row;
  return { role, address: address ?? undefined, application, database };
}

function serverOf(row: Activity, pool: PoolRead) {
  // The pooler's own port makes it sure: process ids are those of one of several databases.
  return pool.servers.find(
    (one) => one.pid === row.pid && (row.port === null || row.port < 0 || one.localPort === row.port),
  );
}

/** Between the two looks its client may have changed: then all clients of its role have a part. */
function shares(row: Activity, pools: Pools): [PoolClient, number][] {
  for (const pool of pools.reads) {
    const server = serverOf(row, pool);
    if (!server) continue;
    const exact = pool.clients.find((one) => one.pointer === server.link);
    if (exact) return [[exact, 1]];
    const all = pool.clients.filter((one) => one.role === row.role);
    const linked = all.filter((one) => one.linked);
    const among = linked.length > 0 ? linked : all;
    return among.map((one) => [one, 1 / among.length]);
  }
  return [];
}

function withRunning(roles: readonly RoleTime[], sessions: readonly Activity[], own: string) {
  const running = new Map<string, number>();
  for (const row of sessions)
    if (row.state === 'active')
      running.set(row.role, (running.get(row.role) ?? 0) + Math.max(0, row.querySeconds ?? 0));
  const names = new Set([...roles.map((one) => one.role), ...running.keys()]);
  names.delete(own);
  return [...names].map((role) => ({
    role,
    seconds: (roles.find((one) => one.role === role)?.ms ?? 0) / 1000 + (running.get(role) ?? 0),
  }));
}

function byLength(rows: readonly Activity[]): Activity[] {
  return [...rows].sort((a, b) => (b.querySeconds ?? 0) - (a.querySeconds ?? 0));
}
