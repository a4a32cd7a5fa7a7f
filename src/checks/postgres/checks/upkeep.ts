import { z } from 'zod';
import { figure } from '../../../message/figures.ts';
import { defineCheck, type Evidence, type Verdict } from '../../contract.ts';
import { grade } from '../../judging.ts';
import { mean } from '../../rate.ts';
import { quoteName } from '../ask.ts';
import type { PostgresFacts, TableRow } from '../facts.ts';
import { each, isPrimary, thin, type View } from './shared.ts';

const Cache = z.object({
  warn: z
    .number()
    .min(0)
    .max(1)
    .default(0.6)
    .describe('Share of blocks found in memory; stock alerts begin under 60 %.'),
  critical: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe('Share of blocks; stock alerts call under 50 % critical.'),
  clear: z.number().min(0).max(1).default(0.7).describe('Share of blocks; where stock alerts end.'),
  minimumBlocks: z
    .number()
    .min(0)
    .default(200)
    .describe('Blocks asked for a second (8 KiB each); a share of fewer hangs on single queries.'),
  minimumTransactions: z
    .number()
    .min(0)
    .default(5)
    .describe(
      'Transactions a second from which few blocks are good news; of fewer it may be that nobody asks.',
    ),
  windowSeconds: z
    .number()
    .min(10)
    .max(600)
    .default(60)
    .describe('Seconds looked back: one report alone says nothing.'),
});

export const cache = defineCheck<PostgresFacts, z.infer<typeof Cache>>({
  id: 'postgres.cache',
  question: 'Does the database live in memory?',
  thresholds: Cache,
  needs: ['databases'],
  falseAlarm:
    'After a start the memory is empty and fills. A block that PostgreSQL reads may still come from the memory of the system.',
  judge(input) {
    const { history, target, thresholds } = input;
    return each(input, (view): Verdict => {
      const over = (metric: string) =>
        mean(
          history.series({
            metric,
            target,
            instance: view.instance,
            windowMs: thresholds.windowSeconds * 1000,
          }),
        ) ?? view.value(metric);
      const blocks = over('postgres.blocks');
      const hits = over('postgres.blocks_hit');
      if (blocks === undefined || hits === undefined) return thin('Two looks at the counters are needed.');
      if (blocks < thresholds.minimumBlocks) {
        const summary = `Only ${figure(blocks, '/s')} blocks are asked for (looked at from ${figure(thresholds.minimumBlocks, '/s')} on).`;
        const asked = over('postgres.transactions') ?? 0;
        return asked < thresholds.minimumTransactions ? thin(summary) : { level: 'ok', summary };
      }
      const value = Math.min(1, hits / blocks);
      const { level, cleared, threshold } = grade(value, thresholds, 'below');
      return {
        level,
        cleared,
        summary: `${figure(value, 'share')} of blocks are found in memory (limit ${figure(threshold, 'share')}), ${figure(blocks - hits, '/s')} are read.`,
        value,
        unit: 'share',
        threshold,
        evidence: [readTable(view.facts.tables ?? [])],
        ...(level === 'ok'
          ? {}
          : {
              advice:
                'See which tables are read in full, below: an index helps more than memory. Then shared_buffers.',
            }),
      };
    });
  },
});

function readTable(tables: readonly TableRow[]): Evidence {
  const rows = [...tables].sort((a, b) => (b.scannedPerSecond ?? 0) - (a.scannedPerSecond ?? 0)).slice(0, 8);
  return {
    kind: 'table',
    title: 'Tables by rows read in full',
    columns: [
      { name: 'table' },
      { name: 'size', unit: 'B' },
      { name: 'full reads', unit: '/s' },
      { name: 'rows', unit: '/s' },
    ],
    rows: rows.map((row) => [
      `${row.schema}.${row.table}`,
      row.bytes,
      row.sequentialPerSecond,
      row.scannedPerSecond,
    ]),
  };
}

const Bloat = z.object({
  warn: z
    .number()
    .min(0)
    .max(1)
    .default(0.4)
    .describe(
      "Share of a table's rows that are dead; autovacuum begins at 20 %, twice that means that it does not keep up.",
    ),
  critical: z
    .number()
    .min(0)
    .max(1)
    .default(0.7)
    .describe('Share of rows; stock alerts for bloat are at 70 to 80 %.'),
  minimumDead: z.number().min(0).default(10_000).describe('Dead rows; fewer are gone with the next vacuum.'),
});

export const bloat = defineCheck<PostgresFacts, z.infer<typeof Bloat>>({
  id: 'postgres.bloat',
  question: 'Are dead rows taken away in time?',
  thresholds: Bloat,
  needs: ['tables'],
  falseAlarm: 'A large delete or a load that is a minute old: autovacuum comes by itself.',
  judge(input) {
    const view = input.instances.find((one) => isPrimary(input, one.instance));
    if (!view?.facts.tables) return [thin('The primary was not read.')];
    const { minimumDead } = input.thresholds;
    const shareOf = (row: TableRow) => row.deadRows / Math.max(1, row.deadRows + row.rows);
    const rows = view.facts.tables
      .filter((row) => row.deadRows >= minimumDead)
      .sort((a, b) => shareOf(b) - shareOf(a));
    const worst = rows[0];
    if (!worst)
      return [
        {
          level: 'ok',
          summary: `No table has ${figure(minimumDead, 'count')} dead rows.`,
          value: 0,
          unit: 'share',
          threshold: input.thresholds.warn,
        },
      ];
    const value = shareOf(worst);
    const { level, cleared, threshold } = grade(value, input.thresholds, 'above');
    const holder = view.facts.horizon?.[0];
    const vacuumed = worst.vacuumSeconds === null ? 'never' : `${figure(worst.vacuumSeconds, 's')} ago`;
    return [
      {
        level,
        cleared,
        summary: `${figure(value, 'share')} of the rows of ${worst.schema}.${worst.table} are dead (limit ${figure(threshold, 'share')}), ${figure(worst.deadRows, 'count')} of them; last vacuumed ${vacuumed}.`,
        value,
        unit: 'share',
        threshold,
        evidence: [
          {
            kind: 'table',
            title: 'Dead rows',
            columns: [{ name: 'table' }, { name: 'dead' }, { name: 'live' }, { name: 'vacuumed', unit: 's' }],
            rows: rows
              .slice(0, 8)
              .map((row) => [
                `${row.schema}.${row.table}`,
                row.deadRows,
                Math.round(row.rows),
                row.vacuumSeconds,
              ]),
          },
          horizonTable(view),
        ],
        ...(level === 'ok'
          ? {}
          : {
              advice:
                holder && holder.xminAge > 1000
                  ? `Vacuum cannot take them while ${holder.holder} needs them: end that first.`
                  : `VACUUM (VERBOSE) ${[worst.schema, worst.table].map(quoteName).join('.')}; and give that table a lower autovacuum_vacuum_scale_factor.`,
            }),
      },
    ];
  },
});

function horizonTable({ facts }: View): Evidence {
  return {
    kind: 'table',
    title: 'Who still needs old rows',
    columns: [{ name: 'holder' }, { name: 'transactions since' }, { name: 'for', unit: 's' }],
    rows: (facts.horizon ?? []).map((row) => [row.holder, row.xminAge, row.seconds]),
  };
}

const Wraparound = z.object({
  warn: z
    .number()
    .positive()
    .default(1.5)
    .describe(
      'Times autovacuum_freeze_max_age; at 1 autovacuum begins, half as much again means that it does not get through.',
    ),
  critical: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe('Share of the two thousand million ids; half leaves days for the work, not hours.'),
});
const IDS = 2 ** 31;

export const wraparound = defineCheck<PostgresFacts, z.infer<typeof Wraparound>>({
  id: 'postgres.wraparound',
  question: 'Are transaction ids frozen in time?',
  thresholds: Wraparound,
  needs: ['databases'],
  falseAlarm: 'A freeze that runs already: see "postgres progress".',
  judge(input) {
    const view = input.instances.find((one) => isPrimary(input, one.instance));
    const ages = view?.facts.ages ?? [];
    const holder = view?.facts.horizon?.[0];
    const times = (row: { age: number; freezeMax: number }) => row.age / Math.max(1, row.freezeMax);
    const worst = [...ages].sort((a, b) => times(b) - times(a))[0];
    if (!view || !worst) return [thin('The primary was not read.')];
    const value = times(worst);
    const level =
      worst.age / IDS > input.thresholds.critical
        ? 'critical'
        : value > input.thresholds.warn
          ? 'warn'
          : 'ok';
    return [
      {
        level,
        summary: `The oldest ${worst.what} of ${worst.database} are ${figure(worst.age, 'count')} old, ${figure(value, 'share')} of where autovacuum freezes (limit ${figure(input.thresholds.warn, 'share')}); ${figure(worst.age / IDS, 'share')} of all ids.`,
        value,
        unit: 'share',
        threshold: input.thresholds.warn,
        evidence: [
          {
            kind: 'table',
            title: 'Ages',
            columns: [{ name: 'database' }, { name: 'what' }, { name: 'age' }, { name: 'frozen from' }],
            rows: ages.slice(0, 10).map((row) => [row.database, row.what, row.age, row.freezeMax]),
          },
          horizonTable(view),
        ],
        ...(level === 'ok'
          ? {}
          : {
              advice:
                worst.what === 'transactions' && holder && holder.xminAge > worst.freezeMax
                  ? `Nothing can be frozen past what ${holder.holder} still needs: end that first; autovacuum does the rest.`
                  : 'See who still needs old rows, below; then in that database: VACUUM (FREEZE) of its oldest tables.',
            }),
      },
    ];
  },
});
