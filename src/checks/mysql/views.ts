import { WarroomError } from '../../errors/catalogue.ts';
import type { CollectContext, Evidence, Figure, Timed, View } from '../contract.ts';
import { pause } from '../pause.ts';
import { plain } from '../rate.ts';
import { capabilities, questions } from './capabilities.ts';
import { treeEvidence } from './checks/locks.ts';
import { table as replicationTable } from './checks/replication.ts';
import { holderTable, patternTable, planTable, sessionTable } from './checks/shared.ts';
import { collectActivity, isClient, isWorking, readSessions, withServer } from './collect.ts';
import { collectReplication } from './collect-replication.ts';
import { collectStatements } from './collect-statements.ts';
import { measureActivity, measureStatements } from './measure.ts';
import { explainSession } from './plans.ts';
import { number, text } from './rows.ts';

const LOOK_MS = 1000;

/** Two snapshots of its own a second apart; the schedule's are not touched. */
async function twice<S>(
  context: CollectContext,
  collect: (context: CollectContext, previous: Timed<S> | undefined) => Promise<S>,
): Promise<[Timed<S>, Timed<S>]> {
  const first = { snapshot: await collect(context, undefined), at: Date.now() };
  await pause(LOOK_MS, context.signal);
  return [first, { snapshot: await collect(context, first), at: Date.now() }];
}

const overview: View = {
  name: '',
  summary: 'As mytop heads its page: queries, threads, slow ones, buffer pool, uptime, who is connected',
  async show(context) {
    const [first, second] = await twice(context, collectActivity);
    if (second.snapshot.full) return [note('The server refuses new connections: all are taken.')];
    const { readings, facts } = measureActivity(first, second);
    const rows: Figure[] = readings.map(({ metric, value, unit }) => ({
      name: metric.replace('mysql.', '').replaceAll('_', ' '),
      value,
      unit,
    }));
    return [{ kind: 'figures', rows }, holderTable(facts.holders ?? [])];
  },
};

const activity: View = {
  name: 'activity',
  summary: 'Sessions at work and open transactions, longest first, as mytop shows them',
  async show(context) {
    const { sessions, full } = await collectActivity(context, undefined);
    if (full) return [note('The server refuses new connections: all are taken.')];
    const shown = sessions
      .filter((one) => isClient(one) && (isWorking(one) || one.transaction !== undefined))
      .sort((a, b) => b.seconds - a.seconds);
    const sleeping = sessions.filter((one) => one.command === 'Sleep').length;
    const rest = note(`${sessions.length} sessions in all, ${sleeping} asleep.`);
    return shown.length === 0
      ? [note('Nobody is at work at this moment.'), rest]
      : [sessionTable('At work', shown), rest];
  },
};

const statements: View = {
  name: 'statements',
  summary: 'Patterns of queries of the last second by time: calls, rows read, without an index',
  async show(context) {
    const [first, second] = await twice(context, collectStatements);
    const { patterns } = measureStatements(first, second).facts;
    if (!patterns)
      return [
        note('This server counts no statements: performance_schema is off. `activity` shows what runs.'),
      ];
    if (patterns.rows.length === 0) return [note('No statement ended within the last second.')];
    return [
      patternTable(`By time, from the ${patterns.source}`, patterns.rows, undefined),
      ...patterns.rows.slice(0, 2).flatMap((one) => planTable(`Plan of ${one.text.slice(0, 60)}`, one.plan)),
      ...patterns.notes.map(note),
    ];
  },
};

const locks: View = {
  name: 'locks',
  summary: 'Who waits for whose lock, down to the root',
  async show(context) {
    const taken = { snapshot: await collectActivity(context, undefined), at: Date.now() };
    const { facts } = measureActivity(undefined, taken);
    if ((facts.locks ?? []).length === 0) return [note('Nobody waits for a lock.')];
    return treeEvidence(facts);
  },
};

const explain: View = {
  name: 'explain',
  summary: 'The plan that a running session works by: explain ID',
  async show(context, [id = '', ...rest]) {
    if (!/^\d{1,15}$/.test(id) || rest.length > 0)
      throw new WarroomError('BAD_ARGUMENT', {
        command: 'mysql explain',
        problem: 'it takes the id of one session, as `mysql activity` shows it.',
      });
    return withServer(context, async (client) => {
      const sessions = await readSessions(client, questions(await capabilities(client)));
      const session = sessions.find((one) => one.id === Number(id));
      if (!session) return [note(`There is no session ${id} any more.`)];
      const { plan, problem } = await explainSession(client, session.id);
      return [
        sessionTable(`Session ${id}`, [session]),
        ...(plan.length > 0
          ? planTable('Its plan', plan)
          : [note(`No plan: ${problem ?? 'it runs no query.'}`)]),
      ];
    });
  },
};

const replication: View = {
  name: 'replication',
  summary: 'What it replicates from, and how far it is behind',
  async show(context) {
    const now = await collectReplication(context);
    if (!now.told) return [note('Our account may not ask for it here.')];
    const kind = now.readOnly ? 'read only' : 'writable';
    return now.channels.length === 0
      ? [note(`It replicates from nobody, and is ${kind}.`)]
      : [replicationTable(now)];
  },
};

const MOST_TABLES = 20;

const tables: View = {
  name: 'tables',
  summary: 'The largest tables: rows, data, indexes',
  async show(context) {
    return withServer(context, async (client) => {
      const rows = await client.ask(
        `SELECT TABLE_SCHEMA AS db, TABLE_NAME AS tab, ENGINE AS engine, TABLE_ROWS AS amount, DATA_LENGTH AS data, INDEX_LENGTH AS indexes
         FROM information_schema.TABLES WHERE TABLE_TYPE = 'BASE TABLE'
           AND TABLE_SCHEMA NOT IN ('mysql', 'sys', 'performance_schema', 'information_schema')
         ORDER BY DATA_LENGTH + INDEX_LENGTH DESC LIMIT ${MOST_TABLES}`,
      );
      return [
        {
          kind: 'table',
          title: `The ${MOST_TABLES} largest tables that our account may see`,
          columns: [
            { name: 'table' },
            { name: 'engine' },
            { name: 'rows, about' },
            { name: 'data', unit: 'B' },
            { name: 'indexes', unit: 'B' },
          ],
          rows: rows.map((row) => [
            plain(`${text(row, 'db')}.${text(row, 'tab')}`, 120),
            plain(text(row, 'engine'), 30),
            number(row, 'amount') ?? null,
            number(row, 'data') ?? null,
            number(row, 'indexes') ?? null,
          ]),
        },
      ];
    });
  },
};

function note(text: string): Evidence {
  return { kind: 'note', text };
}

export const views: readonly View[] = [overview, activity, statements, locks, explain, replication, tables];
