import type { ClientUse, DatabaseUse } from '../clients.ts';
import type { Timed } from '../contract.ts';
import { growth, secondsBetween } from '../rate.ts';
import { isClient, isWorking, type Sample } from './collect.ts';
import type { StatementsSnapshot } from './collect-statements.ts';
import type { SessionRow } from './facts.ts';
import { addressOf } from './rows.ts';

const MOST_CLIENTS = 100;
const MOST_QUERIES = 5;

/** Who works the database, from how often each was seen at work in the process lists of the last minute. */
export function sampledUse(
  samples: readonly Sample[],
  sessions: readonly SessionRow[],
): DatabaseUse | undefined {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const seen = new Map<string, number>();
  const queries = new Map<string, string[]>();
  for (const { working } of samples)
    for (const one of working) {
      const key = keyOf(one);
      seen.set(key, (seen.get(key) ?? 0) + 1);
      queries.set(key, [...new Set([...(queries.get(key) ?? []), one.query])].filter(Boolean));
    }
  const known = new Map(samples.flatMap(({ working }) => working.map((one) => [keyOf(one), one] as const)));
  for (const session of sessions.filter(isClient)) known.set(keyOf(session), session);
  const clients = [...known].map(
    ([key, { user, address, program, database }]): ClientUse => ({
      role: user,
      address,
      application: program,
      database,
      sessions: sessions.filter((session) => isClient(session) && keyOf(session) === key).length,
      busy: (seen.get(key) ?? 0) / samples.length,
      queries: longestFirst(queries.get(key) ?? []),
    }),
  );
  return whole((last.at - first.at) / 1000, clients);
}

/**
 * The same from counters: what each account's statements took since the snapshot before, those that still run with what
 * they ran so far. Undefined without counters, after a restart, or without a pair.
 */
export function countedUse(
  previous: Timed<StatementsSnapshot> | undefined,
  current: Timed<StatementsSnapshot>,
): DatabaseUse | undefined {
  const span = secondsBetween(previous, current);
  const now = current.snapshot;
  const before = previous?.snapshot;
  if (!before || span === undefined || !now.accounts || !before.accounts || now.uptime < before.uptime)
    return undefined;
  const running = (snapshot: StatementsSnapshot, account: string) =>
    snapshot.sessions
      .filter((one) => isWorking(one) && accountOf(one) === account)
      .reduce((sum, one) => sum + one.seconds, 0);
  const names = new Map([...now.accounts.keys()].map((name) => [plainAccount(name), name]));
  for (const session of now.sessions.filter(isClient))
    if (!names.has(accountOf(session))) names.set(accountOf(session), '');
  const clients = [...names].flatMap(([account, name]): ClientUse[] => {
    const grown = growth(before.accounts?.get(name) ?? 0, now.accounts?.get(name) ?? 0);
    if (grown === undefined) return [];
    const busy = Math.max(0, grown + running(now, account) - running(before, account)) / span;
    const mine = now.sessions.filter((one) => isClient(one) && accountOf(one) === account);
    if (busy === 0 && mine.length === 0) return [];
    return [
      {
        role: account.slice(0, account.lastIndexOf('@')),
        address: account.slice(account.lastIndexOf('@') + 1) || undefined,
        application: most(mine.map((one) => one.program)),
        database: most(mine.map((one) => one.database)),
        sessions: mine.length,
        busy,
        queries: longestFirst(mine.filter(isWorking).map((one) => one.query)),
      },
    ];
  });
  return whole(span, clients);
}

function whole(seconds: number, clients: readonly ClientUse[]): DatabaseUse {
  return {
    seconds,
    busy: clients.reduce((sum, one) => sum + one.busy, 0),
    clients: [...clients].sort((a, b) => b.busy - a.busy || b.sessions - a.sessions).slice(0, MOST_CLIENTS),
  };
}

function keyOf(one: Pick<SessionRow, 'user' | 'address' | 'program' | 'database'>): string {
  return JSON.stringify([one.user, one.address, one.program, one.database]);
}

function accountOf(session: SessionRow): string {
  return `${session.user}@${session.address ?? ''}`;
}

function plainAccount(name: string): string {
  const at = name.lastIndexOf('@');
  return `${name.slice(0, at)}@${addressOf(name.slice(at + 1)) ?? ''}`;
}

function most(values: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const value of values) if (value !== '') counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? '';
}

function longestFirst(queries: readonly string[]): string[] {
  return [...new Set(queries)]
    .filter(Boolean)
    .sort((a, b) => b.length - a.length)
    .slice(0, MOST_QUERIES);
}
