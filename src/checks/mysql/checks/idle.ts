import { z } from 'zod';
import { figure } from '../../../message/figures.ts';
import { defineCheck, type Verdict } from '../../contract.ts';
import { grade } from '../../judging.ts';
import type { MysqlFacts } from '../facts.ts';
import { isIdleInTransaction } from '../measure.ts';
import { client, couldNotLook, each, type Instance, sessionTable } from './shared.ts';

const Thresholds = z.object({
  warn: z
    .number()
    .min(0)
    .default(10)
    .describe(
      'Seconds that a transaction is open and idle; an application that is well comes back in milliseconds.',
    ),
  critical: z
    .number()
    .min(0)
    .default(60)
    .describe(
      'Seconds; longer than innodb_lock_wait_timeout (50 s), so that whoever waits for its locks fails.',
    ),
  clear: z.number().min(0).default(5).describe('Seconds; half the limit, so that it does not flap.'),
});
type Thresholds = z.infer<typeof Thresholds>;

export const idleInTransaction = defineCheck<MysqlFacts, Thresholds>({
  id: 'mysql.idle-in-transaction',
  question: 'Do idle transactions go away quickly?',
  thresholds: Thresholds,
  needs: ['activity'],
  falseAlarm: 'A backup (mariadb-dump --single-transaction) holds one open while it writes elsewhere.',
  judge: (input) => each(input, (instance) => judged(instance, input.thresholds)),
});

function judged({ facts }: Instance, thresholds: Thresholds): Verdict {
  if (!facts.sessions) return couldNotLook('the process list was not read.');
  const open = facts.sessions.filter(isIdleInTransaction).sort((a, b) => b.seconds - a.seconds);
  const worst = open[0];
  if (!worst)
    return {
      level: 'ok',
      summary: 'No transaction is open and idle.',
      value: 0,
      unit: 's',
      threshold: thresholds.warn,
    };
  const { level, cleared, threshold } = grade(worst.seconds, thresholds, 'above');
  const long = open.filter((one) => one.seconds > thresholds.warn);
  const blocked = (facts.roots ?? []).find((root) => root.id === worst.id)?.waiters.length ?? 0;
  const { rowsLocked, rowsModified } = worst.transaction ?? { rowsLocked: 0, rowsModified: 0 };
  const holds = [
    rowsLocked > 0 ? `holds about ${figure(rowsLocked, 'count')} row locks` : 'holds no row lock',
    rowsModified > 0 ? `${figure(rowsModified, 'count')} changes to undo` : 'changed nothing',
    ...(blocked > 0 ? [`${blocked} wait for it`] : []),
  ];
  return {
    level,
    cleared,
    summary: `${long.length > 1 ? `${long.length} transactions are open and idle; the longest, ` : ''}session ${worst.id} of ${client(worst)} is idle in an open transaction for ${figure(worst.seconds, 's')} (limit ${figure(threshold, 's')}): it ${holds.join(', ')}.`,
    value: worst.seconds,
    unit: 's',
    threshold,
    evidence: [sessionTable('Open and idle', open)],
    ...(level === 'ok'
      ? {}
      : {
          advice: `The application at ${worst.address ?? 'the server itself'} began a transaction and went away: find what leaves it without COMMIT. KILL ${worst.id} ends it and takes back its ${figure(rowsModified, 'count')} changes (KILL QUERY does nothing here).`,
        }),
  };
}
