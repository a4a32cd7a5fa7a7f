import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  activityColumns,
  type Columns,
  slotColumns,
  statementColumns,
  vacuumColumns,
} from '../../../src/checks/postgres/columns.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/postgres');
const VERSIONS = readdirSync(FIXTURES);
const columnsOf = (version: string): Columns =>
  new Map(
    Object.entries(
      JSON.parse(readFileSync(join(FIXTURES, version, 'columns/columns.json'), 'utf8')) as Record<
        string,
        string[]
      >,
    ).map(([view, names]) => [view, new Set(names)]),
  );
/** Names behind the alias in an expression. */
const named = (expression: string) =>
  [...expression.matchAll(/\b[aps]\.(\w+)/g)].map(([, name]) => name as string);

test.each(VERSIONS)('PostgreSQL %s has every column that is asked of it', (version) => {
  const columns = columnsOf(version);
  const of = (view: string) => columns.get(view) ?? new Set<string>();
  const statements = of('pg_stat_statements');
  const { time, reads } = statementColumns(statements);
  for (const name of [...named(time), ...named(reads), 'queryid', 'userid', 'dbid', 'calls', 'rows', 'query'])
    expect(statements).toContain(name);
  for (const name of named(activityColumns(of('pg_stat_activity')).queryId))
    expect(of('pg_stat_activity')).toContain(name);
  const { dead, deadMost } = vacuumColumns(of('pg_stat_progress_vacuum'));
  for (const name of [...named(dead), ...named(deadMost)])
    expect(of('pg_stat_progress_vacuum')).toContain(name);
  for (const name of named(slotColumns(of('pg_replication_slots')).status))
    expect(of('pg_replication_slots')).toContain(name);
});

test('14 to 18 are there', () => {
  expect(VERSIONS).toEqual(['14', '15', '16', '17', '18']);
});

test('after pg_upgrade an extension of before keeps its columns, and they are asked for', () => {
  expect(statementColumns(new Set(['total_time', 'calls']))).toMatchObject({ time: 's.total_time' });
  expect(activityColumns(new Set())).toEqual({ queryId: 'NULL::text' });
});

test('how full the memory of a vacuum is, is counted in rows up to 16 and in bytes from 17 on', () => {
  const dead = (version: string) =>
    vacuumColumns(columnsOf(version).get('pg_stat_progress_vacuum') ?? new Set()).dead;
  expect(['14', '15', '16'].map(dead)).toEqual(Array(3).fill('p.num_dead_tuples'));
  expect(['17', '18'].map(dead)).toEqual(Array(2).fill('p.dead_tuple_bytes'));
});
