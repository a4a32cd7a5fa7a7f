import { z } from 'zod';
import { figure } from '../../../message/figures.ts';
import { defineCheck, type Evidence, type Verdict } from '../../contract.ts';
import { plain } from '../../rate.ts';
import { quoteName } from '../ask.ts';
import type { Difference, Drift, ForeignKeyRow, PostgresFacts } from '../facts.ts';
import { hurt } from '../measure/tables.ts';
import { planTable } from './sessions.ts';
import { isPrimary, thin } from './shared.ts';

const MissingIndex = z.object({
  warn: z
    .number()
    .positive()
    .default(50_000)
    .describe('Rows a second read in full reads of the table; more than index look-ups of any page need.'),
  critical: z
    .number()
    .positive()
    .default(1_000_000)
    .describe('Rows a second; that alone keeps a good part of a core busy.'),
  minimumRows: z
    .number()
    .min(0)
    .default(5000)
    .describe('Rows of the table; a smaller one is read in full faster than through an index.'),
});
type MissingIndex = z.infer<typeof MissingIndex>;

export const missingIndex = defineCheck<PostgresFacts, MissingIndex>({
  id: 'postgres.missing-index',
  question: 'Does a foreign key lack its index where it hurts?',
  thresholds: MissingIndex,
  needs: ['tables'],
  falseAlarm:
    'A report that reads the whole table on purpose, by a column that an index would not help with.',
  judge(input) {
    const view = input.instances.find((one) => isPrimary(input, one.instance));
    const keys = view?.facts.foreignKeys;
    if (!view || !keys) return [thin('The primary was not read.')];
    const large = keys.filter((key) => key.rows >= input.thresholds.minimumRows);
    if (
      large.some((key) => key.scannedPerSecond === null) &&
      large.every((key) => key.scannedPerSecond === null)
    )
      return [thin('Two looks at the tables are needed.')];
    const bad = large.filter((key) => hurts(key, input.thresholds));
    const worst = bad[0];
    if (!worst)
      return [
        {
          level: 'ok',
          summary: `${large.length} foreign keys of large tables have no index, and none hurts (limit ${figure(input.thresholds.warn, 'count')} rows/s read in full).`,
          value: Math.max(0, ...large.map((key) => key.scannedPerSecond ?? 0)),
          unit: '/s',
          threshold: input.thresholds.warn,
          evidence: large.length > 0 ? [keyTable(large)] : [],
        },
      ];
    return [verdictOf(worst, bad, input.thresholds)];
  },
});

/** What an index finds faster than a full read: a twentieth of the rows at most. */
const FEW = 0.05;

/** Full reads, and a reason to think that they are for want of this index: few rows by these columns, or deletes of the parent. */
function hurts(key: ForeignKeyRow, { warn }: MissingIndex): boolean {
  if (hurt(key) < warn) return false;
  if ((key.parentWritesPerSecond ?? 0) > 0) return true;
  if (key.plan === undefined || key.plan.problem !== undefined) return key.query !== undefined;
  return key.plan.sequential.some((read) => read.table === key.table && read.kept <= key.rows * FEW);
}

function verdictOf(key: ForeignKeyRow, bad: readonly ForeignKeyRow[], thresholds: MissingIndex): Verdict {
  const value = key.scannedPerSecond ?? 0;
  const level = value > thresholds.critical ? 'critical' : 'warn';
  const threshold = level === 'critical' ? thresholds.critical : thresholds.warn;
  const column = `${plain(key.table, 63)} (${key.columns.map((name) => plain(name, 63)).join(', ')})`;
  const slow =
    key.queryMeanSeconds === undefined
      ? ''
      : ` A query by it takes ${figure(key.queryMeanSeconds, 's')} on average.`;
  return {
    level,
    cleared: false,
    summary: `${column} points at ${plain(key.parent, 130)} and has no index: ${figure(value, 'count')} rows/s are read in full (limit ${figure(threshold, 'count')}), ${figure(key.rows, 'count')} rows each time.${slow}`,
    value,
    unit: '/s',
    threshold,
    evidence: [
      keyTable(bad),
      ...(key.query === undefined
        ? []
        : [
            { kind: 'table' as const, title: 'The query', columns: [{ name: 'query' }], rows: [[key.query]] },
          ]),
      ...(key.plan ? [planTable(key.plan)] : []),
    ],
    advice: `CREATE INDEX CONCURRENTLY ON ${[key.schema, key.table].map(quoteName).join('.')} (${key.columns.map(quoteName).join(', ')});`,
  };
}

function keyTable(keys: readonly ForeignKeyRow[]): Evidence {
  return {
    kind: 'table',
    title: 'Foreign keys without an index',
    columns: [
      { name: 'table' },
      { name: 'columns' },
      { name: 'points at' },
      { name: 'rows' },
      { name: 'rows read in full', unit: '/s' },
      { name: 'full reads', unit: '/s' },
      { name: 'writes to the other', unit: '/s' },
    ],
    rows: keys
      .slice(0, 8)
      .map((key) => [
        plain(`${key.schema}.${key.table}`, 130),
        plain(key.columns.join(', '), 130),
        plain(key.parent, 130),
        Math.round(key.rows),
        key.scannedPerSecond,
        key.scansPerSecond,
        key.parentWritesPerSecond,
      ]),
  };
}

const SchemaDrift = z.object({
  warn: z
    .number()
    .int()
    .min(0)
    .default(0)
    .describe('Differences from the tested schema; each one is something that was not tested.'),
});

export const schemaDrift = defineCheck<PostgresFacts, z.infer<typeof SchemaDrift>>({
  id: 'postgres.schema-drift',
  question: 'Does this database differ from the environment it was tested in?',
  thresholds: SchemaDrift,
  needs: ['schema'],
  falseAlarm: 'The reference is older than this database: dump it again after each release.',
  judge(input) {
    const view = input.instances.find((one) => isPrimary(input, one.instance));
    const drift = view?.facts.drift;
    if (!drift) return [thin('The primary was not read.')];
    if (drift.reference === undefined)
      return [
        thin('There is nothing to compare with: "reference" names a dump, or the database that was tested.'),
      ];
    const value = drift.differences.length + drift.migrations.length;
    const bad = value > input.thresholds.warn;
    return [
      {
        level: bad ? 'warn' : 'ok',
        summary: bad
          ? driftSummary(drift, input.thresholds.warn)
          : `The schema is the tested one (${drift.extra.length} objects are here only).`,
        value,
        unit: 'count',
        threshold: input.thresholds.warn,
        evidence: driftEvidence(drift),
        ...(bad
          ? {
              advice:
                drift.migrations.length > 0
                  ? `Apply what was not applied: ${drift.migrations.slice(0, 3).join(', ')}. See first what it locks.`
                  : 'Apply the migration that brings these; no migration of the reference is missing by name, so one was undone or faked.',
            }
          : {}),
      },
    ];
  },
});

function driftSummary(drift: Drift, limit: number): string {
  const [first] = drift.differences;
  const count = drift.differences.length;
  const words = [
    ...(first
      ? [
          `${count} ${count === 1 ? 'difference' : 'differences'} from the tested schema: ${differenceWords(first)}${count > 1 ? ' and others' : ''}`,
        ]
      : []),
    ...(drift.migrations.length > 0
      ? [
          `${drift.migrations.length === 1 ? 'migration' : 'migrations'} not applied: ${drift.migrations.slice(0, 3).join(', ')}`,
        ]
      : []),
  ];
  return `${words.join('; ')} (limit ${limit}).`;
}

function differenceWords({ kind, table, name, expected, found }: Difference): string {
  const what = kind === 'table' ? `table ${table}` : `${kind} ${name} on ${table}`;
  return found === '' ? `${what} is missing` : `${what} is "${found}", not "${expected}"`;
}

function driftEvidence(drift: Drift): Evidence[] {
  const table = (title: string, rows: readonly Difference[]): Evidence => ({
    kind: 'table',
    title: rows.length > 15 ? `${title} (15 of ${rows.length})` : title,
    columns: [{ name: 'what' }, { name: 'table' }, { name: 'name' }, { name: 'tested' }, { name: 'here' }],
    rows: rows
      .slice(0, 15)
      .map((row) => [row.kind, row.table, row.name, row.expected || '-', row.found || 'missing']),
  });
  return [
    ...(drift.differences.length > 0 ? [table(`Differs from ${drift.reference}`, drift.differences)] : []),
    ...(drift.migrations.length > 0
      ? [
          {
            kind: 'table' as const,
            title: 'Migrations not applied here',
            columns: [{ name: 'migration' }],
            rows: drift.migrations.slice(0, 15).map((name) => [name]),
          },
        ]
      : []),
    ...(drift.extra.length > 0 ? [table('Only here', drift.extra)] : []),
    ...(drift.problem === undefined ? [] : [{ kind: 'note' as const, text: drift.problem }]),
  ];
}
