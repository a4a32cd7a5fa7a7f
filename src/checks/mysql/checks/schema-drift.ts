import { z } from 'zod';
import { defineCheck, type Verdict } from '../../contract.ts';
import { plain } from '../../rate.ts';
import type { Difference, Drift, MysqlFacts } from '../facts.ts';
import { couldNotLook, primaryOf } from './shared.ts';

const Thresholds = z.object({
  warn: z
    .number()
    .min(0)
    .default(0)
    .describe('Differences that are accepted; what was not tested is not known to work, so none.'),
});
type Thresholds = z.infer<typeof Thresholds>;

export const schemaDrift = defineCheck<MysqlFacts, Thresholds>({
  id: 'mysql.schema-drift',
  question: 'Does this database differ from the environment it was tested in?',
  thresholds: Thresholds,
  needs: ['catalogue'],
  falseAlarm: 'The reference is older than what was released since: renew it with mariadb-dump --no-data.',
  judge(input) {
    const primary = primaryOf(input);
    if (!primary) return [couldNotLook('the primary did not answer.')];
    const drift = primary.facts.drift;
    if (drift === undefined)
      return input.stack.service(input.target, 'mysql')?.config.reference === undefined
        ? [
            {
              level: 'ok',
              basis: 'thin',
              summary: 'The config names no reference: set "reference" to a dump made with --no-data.',
            },
          ]
        : [couldNotLook('its tables were not read yet.')];
    if (drift.problem !== undefined) return [couldNotLook(`${plain(drift.reference, 80)}: ${drift.problem}`)];
    return [judged(drift, input.thresholds)];
  },
});

function judged(drift: Drift, thresholds: Thresholds): Verdict {
  const { differences, tables } = drift;
  const from = plain(drift.reference, 80);
  if (differences.length <= thresholds.warn)
    return {
      level: 'ok',
      summary: `${tables} tables are as in ${from}${differences.length > 0 ? `, but for ${differences.length} accepted differences` : ''}.`,
      value: differences.length,
      unit: 'count',
      threshold: thresholds.warn,
    };
  const missing = differences.filter((one) => one.what === 'missing');
  const migrations = missing.filter((one) => one.kind === 'migration');
  const first = migrations[0] ?? missing[0] ?? (differences[0] as Difference);
  return {
    level: 'warn',
    summary: `The database differs from ${from} in ${differences.length} places (limit ${thresholds.warn}): ${said(first)}${differences.length > 1 ? ', and others' : ''}.`,
    value: differences.length,
    unit: 'count',
    threshold: thresholds.warn,
    evidence: [
      {
        kind: 'table',
        title: 'Differences',
        columns: [{ name: 'what' }, { name: 'name' }, { name: 'here' }, { name: 'in the reference' }],
        rows: differences
          .slice(0, 30)
          .map((one) => [one.kind, plain(one.name, 120), plain(one.here, 120), plain(one.reference, 120)]),
      },
    ],
    advice:
      migrations.length > 0
        ? `The migration ${plain(migrations[0]?.name ?? '', 120)} was not applied here: apply it, or say why not.`
        : missing.length > 0
          ? 'Something that was tested is not here: find the migration that makes it, and whether it failed half way.'
          : 'Something is here that was not tested: find out who made it, and put it into a migration or take it away.',
  };
}

function said(one: Difference): string {
  const name = plain(one.name, 100);
  if (one.kind === 'migration') return `migration ${name} is ${one.here} here`;
  if (one.what === 'missing') return `${one.kind} ${name} is missing here`;
  if (one.what === 'extra') return `${one.kind} ${name} is here and not there`;
  return `${one.kind} ${name} is ${plain(one.here, 60)} here, ${plain(one.reference, 60)} there`;
}
