import { z } from 'zod';
import { figure } from '../../../message/figures.ts';
import { defineCheck, type Evidence, type Verdict } from '../../contract.ts';
import { grade } from '../../judging.ts';
import type { MysqlFacts, ReplicaChannel, Replication } from '../facts.ts';
import { couldNotLook, each, type Instance } from './shared.ts';

const Thresholds = z.object({
  warn: z.number().min(0).default(10).describe('Seconds behind the primary; where stock alerts begin.'),
  critical: z.number().min(0).default(30).describe('Seconds; stock alerts call it critical.'),
  clear: z.number().min(0).default(5).describe('Seconds; where stock alerts end.'),
});
type Thresholds = z.infer<typeof Thresholds>;

export const replication = defineCheck<MysqlFacts, Thresholds>({
  id: 'mysql.replication',
  question: 'Do replicas keep up?',
  thresholds: Thresholds,
  needs: ['replication'],
  falseAlarm:
    'A replica that is stopped for a backup. One that is behind on purpose (MASTER_DELAY) counts from there.',
  judge: (input) => each(input, (instance) => judged(instance, input.thresholds)),
});

function judged({ instance, facts }: Instance, thresholds: Thresholds): Verdict {
  const now = facts.replication;
  if (!now) return couldNotLook('how it replicates was not read.');
  if (now.role !== 'replica') return primary(instance, now);
  if (now.channels.length === 0) return noReplica(instance, now);
  const stopped =
    now.channels.find((one) => one.sql !== 'Yes') ?? now.channels.find((one) => one.io !== 'Yes');
  if (stopped) return standing(instance, now, stopped, thresholds);
  const lag = Math.max(0, ...now.channels.map((one) => Math.max(0, (one.behind ?? 0) - one.delay)));
  if (now.channels.some((one) => one.behind === undefined))
    return { ...couldNotLook(`${instance} does not tell how far it is behind.`), evidence: [table(now)] };
  const graded = grade(lag, thresholds, 'above');
  const writable = graded.level === 'ok' && !now.readOnly;
  return {
    level: writable ? 'warn' : graded.level,
    cleared: graded.cleared && !writable,
    summary: writable
      ? `${instance} is a replica that can be written to (read_only is off); whoever does so makes it another database. It is ${lagText(lag)} behind.`
      : `${instance} is ${lagText(lag)} behind its primary (limit ${figure(graded.threshold, 's')}).`,
    value: lag,
    unit: 's',
    threshold: graded.threshold,
    evidence: [table(now)],
    ...(writable
      ? { advice: `On ${instance}: SET GLOBAL read_only = ON; and read_only = 1 in its my.cnf.` }
      : {}),
    ...(graded.level === 'ok'
      ? {}
      : {
          advice:
            'See what it applies: one big transaction (a mass UPDATE, an ALTER TABLE), a table lock held there, or too little CPU. Read what must be new from the primary until it has caught up.',
        }),
  };
}

/** Servers tell whole seconds. */
function lagText(lag: number): string {
  return lag < 1 ? '0 s' : figure(lag, 's');
}

function primary(instance: string, now: Replication): Verdict {
  if (now.channels.length > 0)
    return {
      level: 'warn',
      summary: `${instance} is the primary in the config, but it replicates from ${now.channels[0]?.source ?? 'another server'}: it is a replica.`,
      evidence: [table(now)],
      advice: 'If somebody failed over, tell the config: primary and replicas have changed places.',
    };
  if (now.readOnly)
    return {
      level: 'critical',
      summary: `${instance} is the primary and read only: every write of the application fails.`,
      evidence: [table(now)],
      advice: `If it is the primary, on it: SET GLOBAL read_only = OFF; if somebody failed over, the config names the wrong one.`,
    };
  return {
    level: 'ok',
    summary: `${instance} is the primary and takes writes${now.told ? '' : '; whether it replicates too we may not ask'}.`,
  };
}

/** One that can be written to as well is a primary, and refused where it is read. */
function noReplica(instance: string, now: Replication): Verdict {
  return {
    level: 'critical',
    summary: `${instance} is a replica that replicates from nobody: what is read there gets older and older.`,
    evidence: [table(now)],
    advice: `On ${instance}: CHANGE MASTER TO …; START SLAVE; or make it anew from a backup of the primary.`,
  };
}

function standing(
  instance: string,
  now: Replication,
  stopped: ReplicaChannel,
  thresholds: Thresholds,
): Verdict {
  const applying = stopped.sql === 'Yes';
  const connecting = applying && stopped.io !== 'No';
  const why = stopped.error === '' ? '' : `: ${stopped.error}`;
  return {
    level: connecting ? 'warn' : 'critical',
    // A reconnect takes a moment, and starts over by itself.
    ...(connecting ? {} : { certain: true }),
    summary: applying
      ? `${instance} ${connecting ? 'cannot reach' : 'no longer reads from'} its primary ${stopped.source}${why}. What is read there gets older (limit ${figure(thresholds.warn, 's')}).`
      : `${instance} has stopped applying what its primary does${why}. Nobody knows how far it is behind (limit ${figure(thresholds.warn, 's')}).`,
    evidence: [table(now)],
    advice: applying
      ? `See whether the primary runs, and whether the replication account may sign in from ${instance}. Then on ${instance}: START SLAVE; (MySQL 8: START REPLICA;)`
      : stopped.error === ''
        ? `Somebody stopped it. On ${instance}: START SLAVE; (MySQL 8: START REPLICA;)`
        : 'A statement failed there: the data differ already. Do not skip it blindly; compare the rows, or make the replica anew.',
  };
}

export function table(now: Replication): Evidence {
  return {
    kind: 'table',
    title: `Replication${now.readOnly ? ', read only' : ''}`,
    columns: [
      { name: 'from' },
      { name: 'reads' },
      { name: 'applies' },
      { name: 'behind', unit: 's' },
      { name: 'delay', unit: 's' },
      { name: 'read' },
      { name: 'applied' },
      { name: 'error' },
    ],
    rows: now.channels.map((one) => [
      one.name === '' ? one.source : `${one.name}: ${one.source}`,
      one.io,
      one.sql,
      one.behind ?? null,
      one.delay,
      one.read,
      one.applied,
      one.error,
    ]),
  };
}
