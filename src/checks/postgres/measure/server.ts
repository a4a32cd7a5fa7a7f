import type { Measured, Place, Reading, Timed } from '../../contract.ts';
import { growth, plain, secondsBetween, share } from '../../rate.ts';
import type { ConnectionsSnapshot } from '../collect/connections.ts';
import type { DatabasesSnapshot } from '../collect/databases.ts';
import type { ReplicationSnapshot } from '../collect/replication.ts';
import type { PostgresFacts } from '../facts.ts';

export function measureConnections(
  _previous: Timed<ConnectionsSnapshot> | undefined,
  { snapshot }: Timed<ConnectionsSnapshot>,
): Measured<PostgresFacts> {
  const { version, most, reserved, buffers, rows, full } = snapshot;
  if (full !== undefined)
    return {
      readings: [],
      facts: { server: { version, maxConnections: most, reserved, full }, connections: [] },
    };
  return {
    readings: [
      // Ours counts as well: it takes a place.
      {
        metric: 'postgres.connections',
        value: rows.reduce((sum, row) => sum + row.count, 0) + 1,
        unit: 'count',
      },
      { metric: 'postgres.connections_max', value: most - reserved, unit: 'count' },
      ...(buffers === undefined
        ? []
        : [{ metric: 'postgres.memory_given', value: buffers, unit: 'B' as const }]),
    ],
    facts: {
      server: { version, maxConnections: most, reserved },
      connections: rows.map((row) => ({
        ...row,
        role: plain(row.role, 63),
        address: row.address ?? undefined,
        application: plain(row.application, 63),
        database: plain(row.database, 63),
      })),
    },
  };
}

export function measureDatabases(
  previous: Timed<DatabasesSnapshot> | undefined,
  current: Timed<DatabasesSnapshot>,
): Measured<PostgresFacts> {
  const { databases, ages } = current.snapshot;
  const facts: Partial<PostgresFacts> = {
    ages: ages.flatMap((row) => {
      const database = plain(row.database, 63);
      return [
        { database, what: 'transactions' as const, age: row.transactions, freezeMax: row.freezeMax },
        { database, what: 'multixacts' as const, age: row.multixacts, freezeMax: row.multixactFreezeMax },
      ];
    }),
  };
  const seconds = secondsBetween(previous, current);
  if (!previous || seconds === undefined || previous.snapshot.startedAt !== current.snapshot.startedAt)
    return { readings: [], facts };
  const before = new Map(previous.snapshot.databases.map((row) => [row.name, row]));
  const sums = { commits: 0, rollbacks: 0, hits: 0, reads: 0, deadlocks: 0, tempBytes: 0 };
  for (const row of databases) {
    const was = before.get(row.name);
    // A database whose counters were reset, or that is new, counts from its next round on.
    if (!was || was.resetAt !== row.resetAt) continue;
    for (const key of Object.keys(sums) as (keyof typeof sums)[])
      sums[key] += growth(was[key], row[key]) ?? 0;
  }
  const hit = share(sums.hits, sums.hits + sums.reads);
  const rate = (metric: string, value: number, unit: Reading['unit'] = '/s'): Reading => ({
    metric,
    value: value / seconds,
    unit,
  });
  return {
    readings: [
      rate('postgres.transactions', sums.commits + sums.rollbacks),
      rate('postgres.rollbacks', sums.rollbacks),
      rate('postgres.deadlocks', sums.deadlocks),
      rate('postgres.blocks', sums.hits + sums.reads),
      rate('postgres.blocks_hit', sums.hits),
      rate('postgres.temp_bytes', sums.tempBytes, 'B/s'),
      ...(hit === undefined ? [] : [{ metric: 'postgres.cache_hit', value: hit, unit: 'share' as const }]),
    ],
    facts,
  };
}

export function measureReplication(
  _previous: Timed<ReplicationSnapshot> | undefined,
  { snapshot, at }: Timed<ReplicationSnapshot>,
  place: Place,
): Measured<PostgresFacts> {
  const { recovering, position, standbys, slots, receiver } = snapshot;
  // Everything received is replayed, and more is on its way: then it is not behind, however long the primary idles.
  const caughtUp = receiver?.streaming === true && (receiver.lagBytes ?? 0) === 0;
  // The first write after an idle hour is no hour behind, though the transaction before it is that old.
  const behind = Math.max(0, (at - (snapshot.behindSince ?? 0)) / 1000);
  const age = receiver?.replayAge ?? null;
  const lagSeconds = caughtUp ? 0 : age === null ? null : Math.min(age, behind);
  const readings: Reading[] = [];
  if (place.server?.role === 'replica' && receiver) {
    readings.push({ metric: 'postgres.lag_bytes', value: receiver.lagBytes ?? 0, unit: 'B' });
    if (lagSeconds !== null) readings.push({ metric: 'postgres.lag_seconds', value: lagSeconds, unit: 's' });
  }
  return {
    readings,
    facts: {
      replication: {
        role: recovering ? 'replica' : 'primary',
        position,
        standbys: standbys.map((row) => ({
          application: plain(row.application, 63),
          address: row.address ?? undefined,
          state: row.state,
          sync: row.sync,
          lagBytes: Math.max(0, row.lagBytes ?? 0),
          lagSeconds: (row.lagBytes ?? 0) <= 0 ? 0 : row.lagSeconds,
        })),
        slots: slots.map((row) => ({
          name: plain(row.name, 63),
          kind: row.kind,
          active: row.active,
          keptBytes: Math.max(0, row.keptBytes ?? 0),
          status: row.status ?? '',
        })),
        ...(receiver
          ? {
              receiver: {
                streaming: receiver.streaming,
                paused: receiver.paused,
                lagBytes: receiver.lagBytes ?? 0,
                lagSeconds,
                sender: plain(receiver.sender ?? '', 100),
              },
            }
          : {}),
      },
    },
  };
}
