import type { Measured, Timed } from '../../contract.ts';
import { plain } from '../../rate.ts';
import type { SchemaSnapshot } from '../collect/schema.ts';
import type { Difference, Drift, PostgresFacts } from '../facts.ts';
import type { Part, Schema } from '../schema.ts';

export function measureSchema(
  _previous: Timed<SchemaSnapshot> | undefined,
  { snapshot }: Timed<SchemaSnapshot>,
): Measured<PostgresFacts> {
  const { reference, here, problem } = snapshot;
  if (!reference || !here)
    return { readings: [], facts: { drift: { differences: [], extra: [], migrations: [] } } };
  const drift: Drift = {
    reference: reference.name,
    ...compare(reference.schema, here),
    ...(problem === undefined ? {} : { problem }),
  };
  return {
    readings: [
      {
        metric: 'postgres.schema_differences',
        value: drift.differences.length + drift.migrations.length,
        unit: 'count',
      },
    ],
    facts: { drift },
  };
}

/** What the reference has and this database has not, or has otherwise; and what only this database has. */
export function compare(
  reference: Schema,
  here: Schema,
): Pick<Drift, 'differences' | 'extra' | 'migrations'> {
  const differences: Difference[] = [];
  const extra: Difference[] = [];
  const difference = (
    kind: Difference['kind'],
    table: string,
    name: string,
    expected: string,
    found: string,
  ) => ({
    kind,
    table: plain(table, 130),
    name: plain(name, 63),
    expected: plain(expected, 300),
    found: plain(found, 300),
  });
  for (const [table, columns] of reference.tables) {
    const found = here.tables.get(table);
    if (!found) {
      differences.push(difference('table', table, table, `${columns.size} columns`, ''));
      continue;
    }
    for (const [name, expected] of columns)
      if (found.get(name) !== expected)
        differences.push(difference('column', table, name, expected, found.get(name) ?? ''));
    for (const [name, text] of found)
      if (!columns.has(name)) extra.push(difference('column', table, name, '', text));
  }
  for (const [table, columns] of here.tables)
    if (!reference.tables.has(table))
      extra.push(difference('table', table, table, '', `${columns.size} columns`));
  for (const kind of ['index', 'constraint'] as const) {
    const [expected, found] =
      kind === 'index' ? [reference.indexes, here.indexes] : [reference.constraints, here.constraints];
    // Of a table that is missing as a whole the parts say nothing more.
    for (const part of missing(expected, found))
      if (here.tables.has(part.table)) {
        const other = found.find((one) => one.table === part.table && one.name === part.name);
        differences.push(difference(kind, part.table, part.name, part.definition, other?.definition ?? ''));
      }
    for (const part of missing(found, expected))
      if (reference.tables.has(part.table))
        extra.push(difference(kind, part.table, part.name, '', part.definition));
  }
  return { differences, extra, migrations: missingMigrations(reference, here) };
}

/** By what they do, not by what they are called. */
function missing(wanted: readonly Part[], found: readonly Part[]): Part[] {
  const has = new Set(found.map((part) => `${part.table}\n${part.definition}`));
  return wanted.filter((part) => !has.has(`${part.table}\n${part.definition}`));
}

function missingMigrations(reference: Schema, here: Schema): string[] {
  return [...reference.migrations].flatMap(([table, applied]) => {
    const found = here.migrations.get(table);
    // Where this database has no such table, or it may not be read, nothing can be said of single ones.
    return found ? [...applied].filter((name) => !found.has(name)).map((name) => plain(name, 120)) : [];
  });
}
