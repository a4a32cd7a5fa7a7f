import { z } from 'zod';
import { figure } from '../../../message/figures.ts';
import { defineCheck, type Evidence, type Verdict } from '../../contract.ts';
import { grade } from '../../judging.ts';
import type { LockRoot, MysqlFacts, SessionRow } from '../facts.ts';
import { client, couldNotLook, each, type Instance, sessionTable, short, worse } from './shared.ts';

const Thresholds = z.object({
  warn: z
    .number()
    .min(0)
    .default(1)
    .describe('Seconds that somebody waits for a lock; shorter waits are what locks are for.'),
  critical: z
    .number()
    .min(0)
    .default(10)
    .describe('Seconds; a fifth of innodb_lock_wait_timeout, and visitors are gone.'),
  clear: z.number().min(0).default(1).describe('Seconds; nobody may wait longer than the limit.'),
  criticalWaiters: z
    .number()
    .min(1)
    .default(5)
    .describe('Sessions that wait over the limit at once; that many workers of an application stand.'),
});
type Thresholds = z.infer<typeof Thresholds>;

export const locks = defineCheck<MysqlFacts, Thresholds>({
  id: 'mysql.locks',
  question: 'Is anyone waiting for a lock?',
  thresholds: Thresholds,
  needs: ['activity'],
  falseAlarm: 'A migration that waits for its turn on purpose, with lock_wait_timeout set.',
  judge: (input) => each(input, (instance) => judged(instance, input.thresholds)),
});

function judged({ facts }: Instance, thresholds: Thresholds): Verdict {
  if (!facts.locks || !facts.sessions) return couldNotLook('locks were not read.');
  const waiting = new Map<number, number>();
  for (const wait of facts.locks)
    waiting.set(wait.waiter, Math.max(wait.seconds, waiting.get(wait.waiter) ?? 0));
  if (waiting.size === 0)
    return {
      level: 'ok',
      summary: 'Nobody waits for a lock.',
      value: 0,
      unit: 's',
      threshold: thresholds.warn,
    };
  const longest = Math.max(...waiting.values());
  const { level, cleared, threshold } = grade(longest, thresholds, 'above');
  const over = [...waiting.values()].filter((seconds) => seconds > thresholds.warn).length;
  const found = over >= thresholds.criticalWaiters ? worse(level, 'critical') : level;
  const root = facts.roots?.[0];
  const holder = facts.sessions.find((one) => one.id === root?.id);
  return {
    level: found,
    cleared,
    summary: `${waiting.size === 1 ? 'One session waits' : `${waiting.size} sessions wait`} for a lock, the longest for ${figure(longest, 's')} (limit ${figure(threshold, 's')}). ${rootText(root, holder)}`,
    value: longest,
    unit: 's',
    threshold,
    evidence: treeEvidence(facts),
    ...(found === 'ok' ? {} : { advice: advice(root, holder) }),
  };
}

function rootText(root: LockRoot | undefined, holder: SessionRow | undefined): string {
  if (root?.id === undefined) return 'They wait for a table, and this server does not tell who holds it.';
  const at = root.objects.length > 0 ? ` on ${root.objects.join(', ')}` : '';
  if (!holder) return `At the root is session ${root.id}${at}.`;
  const what =
    holder.command === 'Sleep'
      ? `idle in an open transaction for ${figure(holder.seconds, 's')}`
      : `running ${short(holder.query, 60)} for ${figure(holder.seconds, 's')}`;
  return `At the root is session ${root.id} of ${client(holder)}${at}, ${what}.`;
}

function advice(root: LockRoot | undefined, holder: SessionRow | undefined): string {
  if (root?.id === undefined)
    return "The oldest open transaction on that table holds it: see `mysql activity`. To be told next time: performance_schema with UPDATE performance_schema.setup_instruments SET ENABLED = 'YES' WHERE NAME = 'wait/lock/metadata/sql/mdl';";
  const changes = holder?.transaction?.rowsModified ?? 0;
  return `End the root, not those who wait: KILL ${root.id} frees ${root.waiters.length}${changes > 0 ? ` and takes back its ${figure(changes, 'count')} changes` : ''}.`;
}

/** The tree as two tables: roots, and who waits for whom. */
export function treeEvidence(facts: Partial<MysqlFacts>): Evidence[] {
  const sessions = new Map((facts.sessions ?? []).map((one) => [one.id, one]));
  const roots = (facts.roots ?? []).flatMap((root) => sessions.get(root.id ?? -1) ?? []);
  return [
    ...(roots.length > 0 ? [sessionTable('At the root', roots)] : []),
    {
      kind: 'table',
      title: 'Who waits for whom',
      columns: [
        { name: 'waits' },
        { name: 'client' },
        { name: 'for', unit: 's' },
        { name: 'behind' },
        { name: 'on' },
        { name: 'mode' },
        { name: 'query' },
      ],
      rows: [...(facts.locks ?? [])]
        .sort((a, b) => b.seconds - a.seconds)
        .slice(0, 20)
        .map((wait) => {
          const waiter = sessions.get(wait.waiter);
          return [
            wait.waiter,
            waiter ? client(waiter) : '',
            wait.seconds,
            wait.blocker ?? 'not told',
            wait.object,
            wait.mode,
            short(waiter?.query ?? '', 120),
          ];
        }),
    },
  ];
}
