import { z } from 'zod';
import { WarroomError } from '../../errors/catalogue.ts';
import type { CollectContext, Evidence, Measured, Reading, Timed, View } from '../contract.ts';
import { pause } from '../pause.ts';
import { plain } from '../rate.ts';
import { ask, needMonitor, onServer } from './ask.ts';
import { slotTable, standbyTable } from './checks/replication.ts';
import { planTable } from './checks/sessions.ts';
import { lockTable, sessionTable } from './checks/shared.ts';
import { statementTable } from './checks/statements.ts';
import { collectActivity } from './collect/activity.ts';
import { collectConnections } from './collect/connections.ts';
import { collectDatabases } from './collect/databases.ts';
import { collectReplication } from './collect/replication.ts';
import { collectStatements } from './collect/statements.ts';
import { collectTables } from './collect/tables.ts';
import { columnsOf, vacuumColumns } from './columns.ts';
import type { PostgresFacts } from './facts.ts';
import {
  measureActivity,
  measureConnections,
  measureDatabases,
  measureReplication,
  measureStatements,
  measureTables,
} from './measure.ts';
import { explainPid } from './probes.ts';

const LOOK_MS = 1000;
const MOST = 20;

/** Two snapshots of its own a second apart, measured. */
async function look<S>(
  context: CollectContext,
  collect: (context: CollectContext, previous: Timed<S> | undefined) => Promise<S>,
  measure: (previous: Timed<S> | undefined, current: Timed<S>) => Measured<PostgresFacts>,
): Promise<Measured<PostgresFacts>> {
  const first = { snapshot: await collect(context, undefined), at: Date.now() };
  await pause(LOOK_MS, context.signal);
  const second = { snapshot: await collect(context, first), at: Date.now() };
  return measure(first, second);
}

async function now<S>(
  context: CollectContext,
  collect: (context: CollectContext, previous: Timed<S> | undefined) => Promise<S>,
  measure: (previous: Timed<S> | undefined, current: Timed<S>) => Measured<PostgresFacts>,
): Promise<Measured<PostgresFacts>> {
  return measure(undefined, { snapshot: await collect(context, undefined), at: Date.now() });
}

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

const tables: View = {
  name: 'tables',
  summary: 'Tables by rows read in full: reads, writes, dead rows, last vacuum',
  async show(context) {
    const { facts } = await look(context, collectTables, measureTables);
    const rows = [...(facts.tables ?? [])].sort(
      (a, b) => (b.scannedPerSecond ?? 0) - (a.scannedPerSecond ?? 0) || b.bytes - a.bytes,
    );
    return [
      {
        kind: 'table',
        title: rows.length > MOST ? `Tables (${MOST} of ${rows.length})` : 'Tables',
        columns: [
          { name: 'table' },
          { name: 'size', unit: 'B' },
          { name: 'rows' },
          { name: 'dead' },
          { name: 'full reads', unit: '/s' },
          { name: 'rows read', unit: '/s' },
          { name: 'by index', unit: '/s' },
          { name: 'writes', unit: '/s' },
          { name: 'vacuumed', unit: 's' },
        ],
        rows: rows
          .slice(0, MOST)
          .map((row) => [
            `${row.schema}.${row.table}`,
            row.bytes,
            Math.round(row.rows),
            row.deadRows,
            row.sequentialPerSecond,
            row.scannedPerSecond,
            row.indexPerSecond,
            row.writesPerSecond,
            row.vacuumSeconds,
          ]),
      },
    ];
  },
};

const Index = z.object({
  table: z.string(),
  index: z.string(),
  bytes: z.number(),
  scans: z.number(),
  unique: z.boolean(),
  valid: z.boolean(),
});

const indexes: View = {
  name: 'indexes',
  summary:
    'Invalid indexes, and large ones that nobody used since the counters began; foreign keys without one',
  async show(context) {
    const { facts } = await now(context, collectTables, measureTables);
    const rows = await onServer(context, async (client) =>
      ask(
        client,
        Index,
        `SELECT s.schemaname || '.' || s.relname AS table, s.indexrelname::text AS index,
          (c.relpages::int8 * current_setting('block_size')::int)::float8 AS bytes, s.idx_scan::float8 AS scans,
          i.indisunique AS unique, i.indisvalid AS valid
        FROM pg_stat_user_indexes s JOIN pg_index i ON i.indexrelid = s.indexrelid JOIN pg_class c ON c.oid = s.indexrelid
        ORDER BY i.indisvalid, s.idx_scan > 0, c.relpages DESC LIMIT ${MOST}`,
      ),
    );
    return [
      {
        kind: 'table',
        title: 'Indexes, invalid and unused ones first',
        columns: [
          { name: 'table' },
          { name: 'index' },
          { name: 'size', unit: 'B' },
          { name: 'used' },
          { name: 'unique' },
          { name: 'valid' },
        ],
        rows: rows.map((row) => [
          plain(row.table, 130),
          plain(row.index, 63),
          row.bytes,
          row.scans,
          row.unique ? 'yes' : 'no',
          row.valid ? 'yes' : 'NO',
        ]),
      },
      {
        kind: 'table',
        title: 'Foreign keys without an index',
        columns: [{ name: 'table' }, { name: 'columns' }, { name: 'points at' }, { name: 'rows' }],
        rows: (facts.foreignKeys ?? [])
          .slice(0, MOST)
          .map((key) => [
            `${plain(key.schema, 63)}.${plain(key.table, 63)}`,
            plain(key.columns.join(', ')),
            plain(key.parent, 130),
            key.rows,
          ]),
      },
    ];
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

const Progress = z.object({
  pid: z.number(),
  what: z.string(),
  table: z.string(),
  phase: z.string(),
  done: z.number().nullable(),
  most: z.number().nullable(),
  locker: z.number().nullable(),
});

const progress: View = {
  name: 'progress',
  summary: 'Index builds and vacuums that run: phase, how far, who holds them up',
  async show(context) {
    const rows = await onServer(context, async (client) => {
      await needMonitor(client, context.target.name);
      const { dead, deadMost } = vacuumColumns(
        (await columnsOf(client)).get('pg_stat_progress_vacuum') ?? new Set(),
      );
      return ask(
        client,
        Progress,
        `SELECT p.pid, p.command AS what, coalesce(p.relid::regclass::text, '') AS table, p.phase,
          CASE WHEN p.blocks_total > 0 THEN p.blocks_done ELSE p.tuples_done END::float8 AS done,
          CASE WHEN p.blocks_total > 0 THEN p.blocks_total ELSE p.tuples_total END::float8 AS most,
          nullif(p.current_locker_pid, 0)::int AS locker
        FROM pg_stat_progress_create_index p
        UNION ALL
        SELECT p.pid, 'VACUUM', coalesce(p.relid::regclass::text, ''), p.phase,
          CASE WHEN p.phase LIKE 'vacuuming%' THEN ${dead} ELSE p.heap_blks_scanned END::float8,
          CASE WHEN p.phase LIKE 'vacuuming%' THEN ${deadMost} ELSE p.heap_blks_total END::float8, NULL
        FROM pg_stat_progress_vacuum p LIMIT ${MOST}`,
      );
    });
    if (rows.length === 0)
      return [{ kind: 'note', text: 'No index is built and nothing is vacuumed at this moment.' }];
    return [
      {
        kind: 'table',
        title: 'In progress',
        columns: [
          { name: 'pid' },
          { name: 'what' },
          { name: 'table' },
          { name: 'phase' },
          { name: 'done', unit: 'share' },
          { name: 'waits for pid' },
        ],
        rows: rows.map((row) => [
          row.pid,
          row.what,
          plain(row.table, 130),
          row.phase,
          row.done !== null && row.most ? Math.min(1, row.done / row.most) : null,
          row.locker,
        ]),
      },
    ];
  },
};

function figures(readings: readonly Reading[]): Evidence {
  return {
    kind: 'figures',
    rows: readings
      .filter((reading) => reading.labels === undefined)
      .map(({ metric, value, unit }) => ({
        name: metric.replace('postgres.', '').replaceAll('_', ' '),
        value,
        unit,
      })),
  };
}

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
