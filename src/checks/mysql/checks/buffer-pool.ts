import { z } from 'zod';
import { figure } from '../../../message/figures.ts';
import { defineCheck, type Evidence, type Verdict } from '../../contract.ts';
import { grade } from '../../judging.ts';
import { mean } from '../../rate.ts';
import type { MysqlFacts, Pattern } from '../facts.ts';
import { couldNotLook, each, type Input, type Instance, patternTable, short } from './shared.ts';

const Thresholds = z.object({
  warn: z
    .number()
    .min(0)
    .max(1)
    .default(0.97)
    .describe(
      'Share of page reads found in memory; one from disk costs about a hundred of them, so 3 % cost most of the time.',
    ),
  critical: z
    .number()
    .min(0)
    .max(1)
    .default(0.9)
    .describe('Share found in memory; every tenth read waits for a disk.'),
  clear: z
    .number()
    .min(0)
    .max(1)
    .default(0.98)
    .describe('Share found in memory; a third fewer misses than the limit.'),
  minimumRequests: z
    .number()
    .min(0)
    .default(500)
    .describe('Pages a second that are asked for; a share of fewer says little.'),
  minimumQueries: z
    .number()
    .min(0)
    .default(5)
    .describe('Queries a second from which few pages are good news; of fewer it may be that nobody asks.'),
  minimumReads: z
    .number()
    .min(0)
    .default(50)
    .describe('Pages a second read from disk, below which no disk is busy with it.'),
  free: z
    .number()
    .min(0)
    .max(1)
    .default(0.1)
    .describe(
      'Share of the pool that is free; while there is that much, misses are first reads and no lack of memory.',
    ),
  warmingSeconds: z
    .number()
    .min(0)
    .default(600)
    .describe('Seconds after a start in which everything is read for the first time.'),
  windowSeconds: z.number().min(10).max(600).default(30).describe('Seconds looked back: six rounds.'),
});
type Thresholds = z.infer<typeof Thresholds>;

export const bufferPool = defineCheck<MysqlFacts, Thresholds>({
  id: 'mysql.buffer-pool',
  question: 'Does the database live in memory?',
  thresholds: Thresholds,
  needs: ['activity'],
  falseAlarm: 'A backup or a report that reads everything once: it ends with it.',
  judge: (input) => each(input, (instance) => judged(input, instance)),
});

function judged({ thresholds, history, target }: Input<Thresholds>, instance: Instance): Verdict {
  const over = (metric: string) =>
    mean(
      history.series({
        metric,
        target,
        instance: instance.instance,
        windowMs: thresholds.windowSeconds * 1000,
      }),
    ) ?? instance.value(metric);
  const [given, used] = [instance.value('mysql.memory_given'), instance.value('mysql.memory_used')];
  const [requests, reads] = [over('mysql.pool_requests'), over('mysql.pool_reads')];
  if (given === undefined) return couldNotLook('the server does not tell its buffer pool.');
  const size = `${figure(used, 'B')} of ${figure(given, 'B')} used`;
  if (requests === undefined || reads === undefined)
    return {
      level: 'ok',
      basis: 'thin',
      summary: `The buffer pool's rate is known after the second look; ${size}.`,
    };
  if (requests < thresholds.minimumRequests)
    return {
      level: 'ok',
      ...((instance.value('mysql.queries') ?? 0) < thresholds.minimumQueries
        ? { basis: 'thin' as const }
        : {}),
      summary: `Only ${figure(requests, 'pages/s')} are asked for (judged from ${figure(thresholds.minimumRequests, 'pages/s')}); ${size}.`,
    };
  const value = Math.min(1, Math.max(0, 1 - reads / requests));
  const { level, cleared, threshold } = grade(value, thresholds, 'below');
  const free = instance.value('mysql.pool_free') ?? 0;
  const waits = over('mysql.pool_waits') ?? 0;
  const uptime = instance.value('mysql.uptime') ?? Number.POSITIVE_INFINITY;
  const base = {
    value,
    unit: 'share' as const,
    threshold,
    evidence: [
      {
        kind: 'figures' as const,
        rows: [
          { name: 'found in memory', value, unit: 'share' as const, limit: threshold },
          { name: 'asked for', value: requests, unit: 'pages/s' as const },
          { name: 'read from disk', value: reads, unit: 'pages/s' as const },
          { name: 'pool', value: given, unit: 'B' as const },
          { name: 'used', value: used ?? 0, unit: 'B' as const },
          { name: 'free', value: free, unit: 'share' as const },
          { name: 'waits for a free page', value: waits, unit: '/s' as const },
          { name: 'all tables and indexes', value: instance.value('mysql.size') ?? 0, unit: 'B' as const },
        ],
      },
    ],
  };
  const found = `${figure(value, 'share')} of page reads are found in memory (limit ${figure(threshold, 'share')}), ${figure(reads, 'pages/s')} come from disk; ${size}`;
  if (level === 'ok') return { ...base, level, cleared, summary: `${found}.` };
  if (reads < thresholds.minimumReads)
    return { ...base, level: 'ok', summary: `${found}: too few to matter.` };
  if (free > thresholds.free || uptime < thresholds.warmingSeconds)
    return {
      ...base,
      level: 'ok',
      basis: 'thin',
      summary: `${found}. It is warming: ${figure(free, 'share')} are free.`,
    };
  const readers = readMost(instance.facts.patterns?.rows ?? []);
  return {
    ...base,
    level,
    cleared,
    summary: `${found}.`,
    evidence: [...base.evidence, ...readerTable(readers)],
    advice: `What is read most does not fit: give innodb_buffer_pool_size more if the host has it (SET GLOBAL works while it runs), or ask less of ${readers[0] ? `what reads most rows: ${short(readers[0].text, 160)}` : 'the query that reads whole tables'}.`,
  };
}

/** Pages are not counted by statement; rows are, and whoever reads most of them turns the pool over. */
function readMost(patterns: readonly Pattern[]): Pattern[] {
  const rows = (one: Pattern) => (one.examinedPerCall ?? 0) * (one.calls ?? 0);
  return patterns
    .filter((one) => rows(one) > 0)
    .sort((a, b) => rows(b) - rows(a))
    .slice(0, MOST_READERS);
}
const MOST_READERS = 5;

function readerTable(readers: readonly Pattern[]): Evidence[] {
  return readers.length === 0 ? [] : [patternTable('By rows read', readers, undefined)];
}
