import { WarroomError } from '../../errors/catalogue.ts';
import type { Evidence, View } from '../contract.ts';
import { slotTable, standbyTable } from './checks/replication.ts';
import { planTable } from './checks/sessions.ts';
import { lockTable, sessionTable } from './checks/shared.ts';
import { statementTable } from './checks/statements.ts';
import {
  collectActivity,
  collectConnections,
  collectDatabases,
  collectReplication,
  collectStatements,
} from './collect.ts';
import {
  measureActivity,
  measureConnections,
  measureDatabases,
  measureReplication,
  measureStatements,
} from './measure.ts';
import { explainPid } from './probes.ts';
import { figures, look, MOST, now } from './views/look.ts';
import { indexes, progress, tables } from './views/objects.ts';

const overview: View = {
  name: '',
  summary: 'Connections, sessions at work, transactions, memory',
  async show(context): Promise<Evidence[]> {
    const [connections, activity, databases] = await Promise.all([
      now(context, collectConnections, measureConnections),
      now(context, collectActivity, measureActivity),
      look(context, collectDatabases, measureDatabases),
    ]);
    const full = connections.facts.server?.full;
    return [
      ...(full === undefined ? [] : [{ kind: 'note' as const, text: full }]),
      figures([...connections.readings, ...activity.readings, ...databases.readings]),
      sessionTable('Sessions', activity.facts.sessions ?? [], 10),
    ];
  },
};

const activity: View = {
  name: 'activity',
  summary: 'Sessions as pg_top shows them, and who waits for whom',
  async show(context) {
    const { facts } = await now(context, collectActivity, measureActivity);
    const sessions = facts.sessions ?? [];
    const tree = facts.lockTree ?? [];
    if (sessions.length === 0) return [{ kind: 'note', text: 'Every session is idle at this moment.' }];
    return [sessionTable('Sessions', sessions, MOST), ...(tree.length > 0 ? [lockTable(tree, MOST)] : [])];
  },
};

const locks: View = {
  name: 'locks',
  summary: 'Who waits for whom, down to the root',
  async show(context) {
    const { facts } = await now(context, collectActivity, measureActivity);
    const tree = facts.lockTree ?? [];
    return tree.length > 0
      ? [lockTable(tree, MOST)]
      : [{ kind: 'note', text: 'Nobody waits for a lock at this moment.' }];
  },
};

const statements: View = {
  name: 'statements',
  summary: 'Statements of the last second by database time, from pg_stat_statements',
  async show(context) {
    const { facts, readings } = await look(context, collectStatements, measureStatements);
    const rows = facts.statements ?? [];
    if (rows.length === 0) return [{ kind: 'note', text: 'No statement ended in this second.' }];
    return [figures(readings), statementTable(rows, undefined, context.place.instance, MOST)];
  },
};

const explain: View = {
  name: 'explain',
  summary: 'The plan of what a session runs: explain PID. Nothing of it is run',
  async show(context, [word, ...more]) {
    if (word === undefined || !/^\d{1,9}$/.test(word) || more.length > 0)
      throw new WarroomError('BAD_ARGUMENT', {
        command: 'postgres explain',
        problem: 'name one process id, as "postgres activity" lists them: postgres explain 4711',
      });
    const plan = await explainPid.run(context, { pid: Number(word) });
    return [
      ...(plan.query === ''
        ? []
        : [
            {
              kind: 'table' as const,
              title: `Session ${word}`,
              columns: [{ name: 'query' }],
              rows: [[plan.query]],
            },
          ]),
      planTable(plan),
    ];
  },
};

const replication: View = {
  name: 'replication',
  summary: 'Standbys, slots, and how far a replica is behind',
  async show(context) {
    const { facts, readings } = measureReplication(
      undefined,
      { snapshot: await collectReplication(context), at: Date.now() },
      context.place,
    );
    const here = facts.replication;
    return [
      { kind: 'note', text: `${context.place.instance} is a ${here?.role ?? 'server'}.` },
      ...(readings.length > 0 ? [figures(readings)] : []),
      ...(here?.role === 'primary' ? [standbyTable(here.standbys)] : []),
      slotTable(here?.slots ?? []),
    ];
  },
};

export const views: readonly View[] = [
  overview,
  activity,
  statements,
  locks,
  tables,
  indexes,
  explain,
  replication,
  progress,
];
