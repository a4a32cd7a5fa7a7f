import { z } from 'zod';
import type { View } from '../../contract.ts';
import { plain } from '../../rate.ts';
import { ask, needMonitor, onServer } from '../ask.ts';
import { collectTables } from '../collect/tables.ts';
import { columnsOf, vacuumColumns } from '../columns.ts';
import { measureTables } from '../measure/tables.ts';
import { look, MOST, now } from './look.ts';

export const tables: View = {
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

export const indexes: View = {
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

const Progress = z.object({
  pid: z.number(),
  what: z.string(),
  table: z.string(),
  phase: z.string(),
  done: z.number().nullable(),
  most: z.number().nullable(),
  locker: z.number().nullable(),
});

export const progress: View = {
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
