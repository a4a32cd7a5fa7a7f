import { z } from 'zod';
import { figure } from '../../../message/figures.ts';
import { defineCheck, type Verdict } from '../../contract.ts';
import { plain } from '../../rate.ts';
import type { MysqlFacts, Pattern, UnindexedRelation } from '../facts.ts';
import { quoted } from '../rows.ts';
import {
  couldNotLook,
  type Input,
  type Instance,
  patternTable,
  planTable,
  primaryOf,
  short,
} from './shared.ts';

const Thresholds = z.object({
  rowsPerCall: z
    .number()
    .min(1)
    .default(1000)
    .describe('Rows read a call without an index; fewer are read as fast as an index would find them.'),
  warn: z
    .number()
    .min(0)
    .max(1)
    .default(0.1)
    .describe(
      "Share of the statements' time that the queries without the index take; less is not where it hurts.",
    ),
  critical: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe('Share of the time; it costs as much as all else together.'),
  minimumBusy: z
    .number()
    .min(0)
    .default(0.05)
    .describe('Sessions at work on average; below it nobody waits for the database.'),
  criticalBusy: z
    .number()
    .min(0)
    .default(0.5)
    .describe('Sessions at work on average, from which it may be critical: half a processor is gone.'),
  minimumQueries: z
    .number()
    .min(0)
    .default(5)
    .describe('Queries a second from which little work is good news; of fewer it may be that nobody asks.'),
});
type Thresholds = z.infer<typeof Thresholds>;

const MOST_NAMED = 3;

export const missingIndex = defineCheck<MysqlFacts, Thresholds>({
  id: 'mysql.missing-index',
  question: 'Does a foreign key lack its index where it hurts?',
  thresholds: Thresholds,
  needs: ['statements', 'catalogue'],
  falseAlarm: 'A nightly report that reads whole tables anyway, while nobody else is at work.',
  judge(input) {
    const primary = primaryOf(input);
    if (!primary) return [couldNotLook('the primary did not answer.')];
    if (primary.facts.full) return [couldNotLook('the server lets nobody in.')];
    if (!primary.facts.unindexed) return [couldNotLook('its tables were not read yet.')];
    return judged(input, primary);
  },
});

interface Hurt {
  readonly relation: UnindexedRelation;
  readonly patterns: readonly Pattern[];
  readonly share: number;
  readonly busy: number;
}

function judged({ thresholds }: Input<Thresholds>, { facts, value }: Instance): Verdict[] {
  const relations = facts.unindexed ?? [];
  const patterns = facts.patterns ?? facts.sampled;
  const none = `${relations.length === 0 ? 'Every column that points to another table has its index' : `${relations.length === 1 ? 'One column that looks like a foreign key has' : `${relations.length} columns that look like foreign keys have`} no index; no query is hurt by it`}.`;
  if (!patterns)
    return [
      { level: 'ok', basis: 'thin', summary: 'Whether an index is missed is known after the second look.' },
    ];
  const hurts = relations
    .flatMap((relation) => hurtBy(relation, patterns.rows, thresholds.rowsPerCall))
    .sort((a, b) => b.share - a.share);
  const bad = hurts.filter((one) => one.share >= thresholds.warn && patterns.busy >= thresholds.minimumBusy);
  if (bad.length === 0)
    // Without traffic nothing can hurt: that does not prove that it would not.
    return [
      {
        level: 'ok',
        // What still reads without its index is not mended, however little it takes at the moment.
        cleared: hurts.length === 0,
        summary: hurts.length === 0 ? none : little(hurts[0] as Hurt, patterns.busy, thresholds),
        ...((value('mysql.queries') ?? 0) < thresholds.minimumQueries ? { basis: 'thin' as const } : {}),
      },
    ];
  return bad.slice(0, MOST_NAMED).map((one) => verdict(one, patterns.busy, thresholds, patterns.source));
}

function little({ relation, share }: Hurt, busy: number, { warn, minimumBusy }: Thresholds): string {
  const name = plain(`${relation.table}.${relation.column}`, 120);
  return `${name} has no index: queries by it take ${figure(share, 'share')} of the statements' time (limit ${figure(warn, 'share')}), which keeps ${figure(busy, 'count')} sessions busy in all (judged from ${figure(minimumBusy, 'count')}).`;
}

function verdict(
  { relation, patterns, share, busy }: Hurt,
  total: number,
  thresholds: Thresholds,
  source: string,
): Verdict {
  const name = plain(`${relation.table}.${relation.column}`, 120);
  const worst = patterns[0] as Pattern;
  const critical = share >= thresholds.critical && busy >= thresholds.criticalBusy;
  return {
    subject: name,
    level: critical ? 'critical' : 'warn',
    summary: `${name}${relation.references === '' ? '' : ` points to ${plain(relation.references, 64)} and`} has no index: queries by it take ${figure(share, 'share')} of the statements' time (limit ${figure(critical ? thresholds.critical : thresholds.warn, 'share')})${reads(worst)}.`,
    value: share,
    unit: 'share',
    threshold: critical ? thresholds.critical : thresholds.warn,
    evidence: [
      {
        kind: 'figures',
        rows: [
          { name: 'rows of the table', value: relation.rows, unit: 'count' },
          { name: 'size of the table', value: relation.bytes, unit: 'B' },
          { name: 'sessions busy with it', value: busy, unit: 'count' },
          { name: 'sessions busy in all', value: total, unit: 'count' },
        ],
      },
      patternTable(`Queries by ${name}, from the ${source}`, patterns, undefined),
      ...planTable('Plan of the dearest', patterns.find((one) => one.plan.length > 0)?.plan ?? []),
    ],
    advice: `ALTER TABLE ${quoted(relation.database)}.${quoted(relation.table)} ADD INDEX ${quoted(relation.add.index)} (${quoted(relation.column)}), ALGORITHM=${relation.add.algorithm}, LOCK=${relation.add.lock}; then put it into a migration. The query: ${short(worst.text, 160)}`,
  };
}

function reads(one: Pattern): string {
  if (one.examinedPerCall === undefined) return '';
  return `, ${figure(Math.round(one.examinedPerCall), 'count')} rows read a call, ${figure(one.calls, '/s')}`;
}

/** Queries that name the column, read many rows, and use no index: by the counter, else by the plan. */
function hurtBy(relation: UnindexedRelation, patterns: readonly Pattern[], rows: number): Hurt[] {
  const found = patterns.filter(
    (one) =>
      (one.database === relation.database || one.database === '') &&
      filters(one.text, relation) &&
      readsAll(one, relation, rows),
  );
  if (found.length === 0) return [];
  return [
    {
      relation,
      patterns: found,
      share: Math.min(
        1,
        found.reduce((sum, one) => sum + one.share, 0),
      ),
      busy: found.reduce((sum, one) => sum + one.busy, 0),
    },
  ];
}

function readsAll(one: Pattern, { table, rows: size }: UnindexedRelation, rows: number): boolean {
  const called = new Set([table, ...aliases(one.text, table)].map((name) => name.toLowerCase()));
  const whole = one.plan.some((part) => part.access === 'ALL' && called.has(part.table.toLowerCase()));
  if (one.examinedPerCall === undefined) return whole && size >= rows;
  if (one.examinedPerCall < rows) return false;
  // A plan that reads this table by an index says that another one is read whole.
  return one.plan.length > 0 ? whole : one.noIndex === undefined || one.noIndex > 0.5;
}

/** What a statement calls a table: `FROM invoice_item AS p`, `JOIN invoice_item p`. */
function aliases(text: string, table: string): string[] {
  const name = new RegExp(
    `(?:\`${literal(table)}\`|\\b${literal(table)}\\b)\\s+(?:AS\\s+)?\`?(\\w+)\`?`,
    'gi',
  );
  return [...text.matchAll(name)].flatMap((found) => found[1] ?? []);
}

/** The table is in the statement, and the column behind WHERE, ON, AND or OR: not only among what is selected. */
function filters(text: string, { table, column }: UnindexedRelation): boolean {
  const names = (name: string) => `(?:\`${literal(name)}\`|\\b${literal(name)}\\b)`;
  if (!new RegExp(names(table), 'i').test(text)) return false;
  const where = /\b(?:WHERE|ON)\b([\s\S]*)$/i.exec(text)?.[1] ?? '';
  return new RegExp(
    `${names(column)}\\s*(?:=|<=>|\\bIN\\b|\\))|=\\s*(?:[\`\\w]+\\s*\\.\\s*)?${names(column)}|\\bUSING\\s*\\([^)]*${names(column)}`,
    'i',
  ).test(`${where} ${text.match(/\bUSING\s*\([^)]*\)/gi)?.join(' ') ?? ''}`);
}

function literal(name: string): string {
  return name.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
}
