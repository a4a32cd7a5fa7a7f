import type { Measured, Timed } from '../../contract.ts';
import { growth, secondsBetween, share } from '../../rate.ts';
import { keyOf, type StatementCounter, type StatementsSnapshot } from '../collect/statements.ts';
import type { PostgresFacts, StatementRow } from '../facts.ts';

const MOST = 30;

export function measureStatements(
  previous: Timed<StatementsSnapshot> | undefined,
  current: Timed<StatementsSnapshot>,
): Measured<PostgresFacts> {
  const seconds = secondsBetween(previous, current);
  if (!previous || seconds === undefined) return { readings: [], facts: {} };
  const before = new Map(previous.snapshot.counters.map((row) => [keyOf(row), row]));
  const grown = current.snapshot.counters.flatMap((row) => grew(before.get(keyOf(row)), row) ?? []);
  const total = grown.reduce((sum, row) => sum + row.ms, 0) / 1000;
  const calls = grown.reduce((sum, row) => sum + row.calls, 0);
  const rows = grown.map(
    (row): StatementRow => ({
      id: row.id,
      role: row.role,
      database: row.database,
      query: current.snapshot.texts.get(row.id) ?? '',
      callsPerSecond: row.calls / seconds,
      busy: row.ms / 1000 / seconds,
      share: share(row.ms / 1000, total) ?? 0,
      meanSeconds: row.ms / 1000 / row.calls,
      rowsPerCall: row.rows / row.calls,
      readsPerCall: row.reads / row.calls,
    }),
  );
  const top = (by: 'busy' | 'callsPerSecond') => [...rows].sort((a, b) => b[by] - a[by]).slice(0, MOST);
  return {
    readings: [
      { metric: 'postgres.statement_busy', value: total / seconds, unit: 'cores' },
      { metric: 'postgres.calls', value: calls / seconds, unit: '/s' },
    ],
    facts: {
      statements: [...new Set([...top('busy'), ...top('callsPerSecond')])].sort((a, b) => b.busy - a.busy),
    },
  };
}

type Grown = Pick<StatementCounter, 'id' | 'role' | 'database' | 'calls' | 'ms' | 'rows' | 'reads'>;

/** undefined where it was not called, after a reset, and where it was not followed before. */
function grew(before: StatementCounter | undefined, now: StatementCounter): Grown | undefined {
  // It may be old, and have come among the followed ones only now: its past is not the present's.
  if (before === undefined) return undefined;
  const calls = growth(before.calls, now.calls);
  const ms = growth(before.ms, now.ms);
  const rows = growth(before.rows, now.rows);
  const reads = growth(before.reads, now.reads);
  if (!calls || ms === undefined || rows === undefined || reads === undefined) return undefined;
  return { id: now.id, role: now.role, database: now.database, calls, ms, rows, reads };
}
