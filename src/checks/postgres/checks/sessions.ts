import { z } from 'zod';
import { figure } from '../../../message/figures.ts';
import { defineCheck, type Evidence, type Verdict } from '../../contract.ts';
import { grade } from '../../judging.ts';
import type { PlanRow, PostgresFacts, SessionRow } from '../facts.ts';
import { isIdleInTransaction } from '../measure/activity.ts';
import { each, endLine, lockTable, rootOf, rootWords, sessionTable, type View, who } from './shared.ts';

const Idle = z.object({
  warn: z
    .number()
    .positive()
    .default(10)
    .describe(
      'Seconds that a transaction may lie idle; an application leaves none open longer than a request.',
    ),
  critical: z
    .number()
    .positive()
    .default(60)
    .describe('Seconds; after a minute nobody comes back to it, and vacuum waits for it.'),
});

export const idleInTransaction = defineCheck<PostgresFacts, z.infer<typeof Idle>>({
  id: 'postgres.idle-in-transaction',
  question: 'Do idle transactions go away quickly?',
  thresholds: Idle,
  needs: ['activity'],
  falseAlarm: 'Somebody works by hand in psql, in a transaction that is open on purpose.',
  judge(input) {
    return each(input, (view): Verdict => {
      const all = (view.facts.sessions ?? []).filter(isIdleInTransaction);
      const blocking = new Set((view.facts.lockTree ?? []).map((root) => root.pid));
      const bad = all.filter((row) => row.seconds > input.thresholds.warn);
      const oldest = all[0];
      const value = oldest?.seconds ?? 0;
      const graded = grade(value, input.thresholds, 'above');
      const blocks = bad.filter((row) => blocking.has(row.pid));
      const level = graded.level === 'warn' && blocks.length > 0 ? 'critical' : graded.level;
      return {
        level,
        cleared: graded.cleared,
        summary:
          level === 'ok'
            ? `${all.length} transactions are idle, the oldest for ${figure(value, 's')} (limit ${figure(graded.threshold, 's')}).`
            : `${bad.length} ${bad.length === 1 ? 'transaction is' : 'transactions are'} left open, the oldest for ${figure(value, 's')} (limit ${figure(graded.threshold, 's')}) by ${oldest ? who(oldest) : ''}${blocks.length > 0 ? '; others wait for it' : ''}.`,
        value,
        unit: 's',
        threshold: graded.threshold,
        evidence:
          all.length > 0 ? [sessionTable('Open transactions that do nothing', all), ...byClient(bad)] : [],
        ...(level === 'ok' || !oldest
          ? {}
          : {
              advice: `The application does not end its transactions there: its last statement is below. To end the oldest: ${endLine(oldest)} Cancelling does nothing to it. For good: ALTER ROLE … SET idle_in_transaction_session_timeout = '60s'.`,
            }),
      };
    });
  },
});

function byClient(rows: readonly SessionRow[]): Evidence[] {
  const counts = new Map<string, number>();
  for (const row of rows) {
    const key = `${who(row)}${row.application ? ` (${row.application})` : ''}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  if (counts.size === 0) return [];
  const sorted = [...counts].sort(([, a], [, b]) => b - a).slice(0, 5);
  return [
    {
      kind: 'table',
      title: 'Who leaves them open',
      columns: [{ name: 'client' }, { name: 'transactions' }],
      rows: sorted,
    },
  ];
}

const Long = z.object({
  warn: z
    .number()
    .positive()
    .default(1)
    .describe('Seconds; the rule of a launch: no query of an application takes longer.'),
  critical: z.number().positive().default(10).describe('Seconds; visitors have given up long before.'),
  replica: z
    .number()
    .positive()
    .default(120)
    .describe('Seconds on a replica, where reports belong; only longer ones hold its replay up.'),
});

/** What takes long by its nature and is watched by its progress. */
const UPKEEP =
  /^\s*(vacuum|analyze|create\s+(unique\s+)?index|reindex|cluster|refresh\s+materialized|copy|alter\s+table|autovacuum)\b/i;

export const longQueries = defineCheck<PostgresFacts, z.infer<typeof Long>>({
  id: 'postgres.long-queries',
  question: 'Does a query run over 1 s?',
  thresholds: Long,
  needs: ['activity'],
  falseAlarm: 'A nightly report or an export that may take its time: give it a replica.',
  judge({ thresholds, ...rest }) {
    return each({ ...rest, thresholds }, (view, primary): Verdict => {
      const limits = primary ? thresholds : { warn: thresholds.replica, critical: thresholds.replica * 10 };
      const running = (view.facts.sessions ?? []).filter(
        (row) => row.kind === 'client backend' && row.state === 'active' && !UPKEEP.test(row.query),
      );
      const long = running.filter((row) => row.seconds > limits.warn);
      const longest = running[0];
      const value = longest?.seconds ?? 0;
      const { level, cleared, threshold } = grade(value, limits, 'above');
      if (level === 'ok' || !longest)
        return {
          level,
          cleared,
          summary: `${running.length} queries run, the longest for ${figure(value, 's')} (limit ${figure(threshold, 's')}).`,
          value,
          unit: 's',
          threshold,
        };
      const root = rootOf(view.facts.lockTree ?? [], longest.pid);
      const plan = root ? undefined : planOf(view, longest);
      return {
        level,
        cleared,
        summary: `${long.length} ${long.length === 1 ? 'query runs' : 'queries run'} over ${figure(limits.warn, 's')}, the longest for ${figure(value, 's')} by ${who(longest)}${root ? `: it waits for ${rootWords(root)}` : ''}.`,
        value,
        unit: 's',
        threshold,
        evidence: [
          sessionTable('Longest queries', long),
          ...(root ? [lockTable([root])] : []),
          ...(plan ? [planTable(plan)] : []),
        ],
        advice: root
          ? `Not the query is slow, it waits. The root is what to end: ${root.session ? endLine(root.session) : 'see postgres.locks'}`
          : plan && plan.sequential.length > 0
            ? `It reads ${plan.sequential.map((read) => read.table).join(', ')} from start to end: see whether an index is missing. To stop it: ${endLine(longest, 'pg_cancel_backend')}`
            : `Its plan is below, where it could be asked for. To stop it: ${endLine(longest, 'pg_cancel_backend')}`,
      };
    });
  },
});

function planOf(view: View, row: SessionRow): PlanRow | undefined {
  return view.facts.plans?.find(
    (plan) => (row.queryId !== undefined && plan.queryId === row.queryId) || plan.query === row.query,
  );
}

export function planTable(plan: PlanRow): Evidence {
  return plan.problem === undefined
    ? {
        kind: 'table',
        title: 'Its plan',
        columns: [{ name: 'step' }],
        rows: plan.lines.map((line) => [line]),
      }
    : { kind: 'note', text: `No plan: ${plan.problem}` };
}

const Locks = z.object({
  warn: z
    .number()
    .positive()
    .default(1)
    .describe('Seconds that somebody waits for a lock; the limit that a whole query has.'),
  critical: z.number().positive().default(10).describe('Seconds; a visitor has given up by then.'),
  waiters: z
    .number()
    .int()
    .min(1)
    .default(5)
    .describe('Sessions waiting from which it is critical at once: they pile up, and each holds a worker.'),
});

export const locks = defineCheck<PostgresFacts, z.infer<typeof Locks>>({
  id: 'postgres.locks',
  question: 'Is anyone waiting for a lock?',
  thresholds: Locks,
  needs: ['activity'],
  falseAlarm: 'A migration that takes a table for a moment, on purpose and announced.',
  judge(input) {
    return each(input, (view): Verdict => {
      const waiting = (view.facts.sessions ?? []).filter((row) => row.wait.startsWith('Lock:'));
      const value = Math.max(0, ...waiting.map((row) => row.seconds));
      const graded = grade(value, input.thresholds, 'above');
      const piled = graded.level === 'warn' && waiting.length >= input.thresholds.waiters;
      const level = piled ? 'critical' : graded.level;
      const [root] = view.facts.lockTree ?? [];
      return {
        level,
        cleared: graded.cleared,
        summary:
          waiting.length === 0
            ? 'Nobody waits for a lock.'
            : `${waiting.length} ${waiting.length === 1 ? 'session waits' : 'sessions wait'} for a lock, the longest for ${figure(value, 's')} (limit ${figure(graded.threshold, 's')})${root ? `; at the root is ${rootWords(root)}, ${root.waiters} behind it` : ''}.`,
        value,
        unit: 's',
        threshold: graded.threshold,
        evidence: waiting.length > 0 ? [lockTable(view.facts.lockTree ?? [])] : [],
        ...(level === 'ok'
          ? {}
          : {
              advice: root?.session
                ? `End the root, not those who wait: ${endLine(root.session)}`
                : 'A prepared transaction holds it: SELECT * FROM pg_prepared_xacts; then COMMIT PREPARED or ROLLBACK PREPARED.',
            }),
      };
    });
  },
});
