import type { Measured, Timed } from '../../contract.ts';
import { growth, plain, secondsBetween } from '../../rate.ts';
import type { ForeignKey } from '../collect/foreign-keys.ts';
import type { TableCounter, TablesSnapshot } from '../collect/tables.ts';
import type { ForeignKeyRow, PostgresFacts, TableRow } from '../facts.ts';

export function measureTables(
  previous: Timed<TablesSnapshot> | undefined,
  current: Timed<TablesSnapshot>,
): Measured<PostgresFacts> {
  const seconds = secondsBetween(previous, current);
  const before = new Map(previous?.snapshot.tables.map((table) => [table.oid, table]));
  const { tables, foreignKeys, horizon } = current.snapshot;
  const now = new Map(tables.map((table) => [table.oid, table]));
  const rate = (oid: number, counter: 'scanned' | 'sequential' | 'byIndex' | 'written' | 'removed') => {
    const grown = growth(before.get(oid)?.[counter], now.get(oid)?.[counter]);
    return seconds === undefined || grown === undefined ? null : grown / seconds;
  };
  const dead = tables.reduce((sum, table) => sum + table.deadRows, 0);
  return {
    readings: [
      { metric: 'postgres.dead_rows', value: dead, unit: 'count' },
      {
        metric: 'postgres.scanned_rows',
        value: tables.reduce((sum, table) => sum + (rate(table.oid, 'scanned') ?? 0), 0),
        unit: '/s',
      },
    ],
    facts: {
      tables: tables.map((table) => tableRow(table, rate)),
      horizon: horizon.map((row) => ({ ...row, holder: plain(row.holder, 120) })),
      foreignKeys: foreignKeys
        .map((key) => keyRow(key, current.snapshot, now.get(key.tableOid), rate))
        .sort((a, b) => hurt(b) - hurt(a) || b.rows - a.rows),
    },
  };
}

/** Rows a second that are read for want of the index; what a parent's deletes would read, where nothing is counted. */
export function hurt(key: ForeignKeyRow): number {
  return Math.max(key.scannedPerSecond ?? 0, (key.parentWritesPerSecond ?? 0) > 0 ? 1 : 0);
}

type Rate = (
  oid: number,
  counter: 'scanned' | 'sequential' | 'byIndex' | 'written' | 'removed',
) => number | null;

function tableRow(table: TableCounter, rate: Rate): TableRow {
  return {
    schema: plain(table.schema, 63),
    table: plain(table.table, 63),
    rows: table.rows,
    deadRows: table.deadRows,
    bytes: table.bytes,
    sequentialPerSecond: rate(table.oid, 'sequential'),
    scannedPerSecond: rate(table.oid, 'scanned'),
    indexPerSecond: rate(table.oid, 'byIndex'),
    writesPerSecond: rate(table.oid, 'written'),
    vacuumSeconds: table.vacuumSeconds,
    analyzeSeconds: table.analyzeSeconds,
  };
}

function keyRow(
  key: ForeignKey,
  { queries }: TablesSnapshot,
  table: TableCounter | undefined,
  rate: Rate,
): ForeignKeyRow {
  const found = queries.get(key.oid);
  return {
    // Names are told as they are: a proposal is built from them, and renderers escape what they show.
    name: key.name,
    schema: key.schema,
    table: key.table,
    columns: key.columns,
    parent: key.parent,
    rows: Math.max(key.rows, table?.rows ?? 0),
    bytes: key.bytes,
    scannedPerSecond: rate(key.tableOid, 'scanned'),
    scansPerSecond: rate(key.tableOid, 'sequential'),
    parentWritesPerSecond: rate(key.parentOid, 'removed'),
    ...(found
      ? {
          query: found.query,
          queryId: found.id,
          queryMeanSeconds: found.meanSeconds,
          queryCalls: found.calls,
          plan: {
            pid: 0,
            queryId: found.id,
            query: found.query,
            lines: found.plan.lines,
            sequential: found.plan.sequential,
            ...(found.plan.problem === undefined ? {} : { problem: found.plan.problem }),
          },
        }
      : {}),
  };
}
