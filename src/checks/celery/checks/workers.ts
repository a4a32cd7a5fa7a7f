import { z } from 'zod';
import { lasted } from '../../../message/figures.ts';
import { defineCheck, type Evidence, type Level, type Verdict } from '../../contract.ts';
import { workerTable } from '../evidence.ts';
import type { CeleryFacts, PoolRow, WorkerRow } from '../facts.ts';
import { rowsOf, sum, thin } from './shared.ts';

const Workers = z.object({
  silentSeconds: z
    .number()
    .min(1)
    .default(10)
    .describe('Seconds without an answer while it listens: two pings, so that one lost answer is none.'),
  goneSeconds: z
    .number()
    .min(1)
    .default(15)
    .describe('Seconds away: a restart takes a few, and is no alarm.'),
  soloSeconds: z
    .number()
    .min(1)
    .default(120)
    .describe('Seconds without an answer of a solo pool, which cannot answer while it works on a task.'),
  forgetSeconds: z
    .number()
    .min(60)
    .default(900)
    .describe('Seconds after which a worker on no host of the config counts as taken away on purpose.'),
  critical: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe('Share of workers that do not answer; the others have twice their work.'),
});
type Limits = z.infer<typeof Workers>;

export const workers = defineCheck<CeleryFacts, Limits>({
  id: 'celery.workers',
  question: 'Does every worker answer?',
  thresholds: Workers,
  needs: ['workers'],
  falseAlarm:
    'A worker that was taken away on purpose: on a host of the config it is missed until the config says so, elsewhere for 15 minutes. A solo pool is silent while it works on a long task.',
  judge({ instances, at, thresholds, stack, target }) {
    const rows = rowsOf(instances, 'workers');
    const pools = rowsOf(instances, 'pools');
    const hosts = new Set(stack.hostsOf(target));
    const evidence = workerTable(rows, pools, at);
    const answering = rows.filter((row) => row.state === 'answers');
    const lost = rows.filter((row) => isLost(row, { answering, pools, hosts, at, thresholds }));
    const missing = [...new Set(instances.flatMap((one) => one.facts.missingHosts ?? []))];
    const twice = [...new Set(instances.flatMap((one) => one.facts.twice ?? []))];
    const all = answering.length + lost.length + missing.length;
    if (answering.length === 0) {
      if (rows.length > 0 && lost.length === 0)
        return [thin('No worker answers at this moment; one that starts again takes a few seconds.')];
      return [noneAnswers(lost, sum(instances, 'celery.workers_silent'), evidence)];
    }
    if (lost.length === 0 && missing.length === 0)
      return [
        {
          level: 'ok',
          summary: `${answering.length} of ${answering.length} workers answer.${twice.length > 0 ? ` More than one goes by the name ${twice.join(', ')}: give each its own with -n.` : ''}`,
          value: answering.length,
          unit: 'count',
          evidence,
        },
      ];
    const level: Level = (lost.length + missing.length) / all >= thresholds.critical ? 'critical' : 'warn';
    const figures = { value: answering.length, unit: 'count' as const, threshold: all };
    return [
      ...lost.map(
        (row): Verdict => ({
          subject: subjectOf(row, rows),
          level,
          summary: `Worker ${row.node} ${saying(row)} for ${lasted(at - row.answeredAt)}; ${answering.length} of ${all} answer.`,
          ...figures,
          evidence,
          advice: adviceFor(row),
        }),
      ),
      ...missing.map(
        (host): Verdict => ({
          subject: host,
          level,
          summary: `No worker on ${host} has answered yet; ${answering.length} of ${all} answer.`,
          ...figures,
          evidence,
          advice: `Start it, or take ${host} out of "on". A worker is known by its name: celery@${host} (-n celery@%h).`,
        }),
      ),
    ];
  },
});

interface Seen {
  readonly answering: readonly WorkerRow[];
  readonly pools: readonly PoolRow[];
  readonly hosts: ReadonlySet<string>;
  readonly at: number;
  readonly thresholds: Limits;
}

function isLost(row: WorkerRow, { answering, pools, hosts, at, thresholds }: Seen): boolean {
  if (row.state === 'answers') return false;
  const seconds = (at - row.answeredAt) / 1000;
  if (row.state === 'silent') {
    const solo = pools.find((pool) => pool.node === row.node)?.solo ?? false;
    return seconds >= (solo ? thresholds.soloSeconds : thresholds.silentSeconds);
  }
  if (seconds < thresholds.goneSeconds) return false;
  // Another of the same host took its place, or it was never the config's.
  const ours = row.host !== undefined && hosts.has(row.host);
  if (row.state === 'gone' && ours && answering.some((other) => other.host === row.host)) return false;
  return ours || seconds < thresholds.forgetSeconds;
}

function noneAnswers(lost: readonly WorkerRow[], silent: number | undefined, evidence: Evidence[]): Verdict {
  const frozen = silent !== undefined && silent > 0;
  const never = lost.length === 0;
  return {
    level: 'critical',
    certain: lost.length > 0 && !frozen,
    summary: frozen
      ? `No worker answers, though ${silent} ${silent === 1 ? 'listens' : 'listen'}: no task is worked on.`
      : never
        ? 'No worker answers, and none listens: no task is worked on.'
        : `No worker answers; the last to do so ${lost.length === 1 ? 'was' : 'were'} ${lost.map((row) => row.node).join(', ')}.`,
    value: 0,
    unit: 'count',
    evidence,
    advice: frozen
      ? 'Their processes live and do nothing: see whether they are stopped (state T), swapping, or a solo pool at work.'
      : 'Start the workers; the log of the last one says why it ended.',
  };
}

/** The host's name where it has one worker alone, so that a host that is down explains it. */
function subjectOf(row: WorkerRow, rows: readonly WorkerRow[]): string {
  const alone = rows.filter((other) => other.host === row.host).length === 1;
  return row.host !== undefined && alone ? row.host : row.node;
}

function saying({ state }: WorkerRow): string {
  if (state === 'silent') return 'listens but does not answer';
  return state === 'gone' ? 'is gone' : 'does not answer';
}

function adviceFor({ state, host, node }: WorkerRow): string {
  const where = host ?? node.slice(node.indexOf('@') + 1);
  if (state === 'silent')
    return `Its process on ${where} lives and does nothing: stopped (state T), swapping, waiting for a disk, or a solo pool on a long task. What it has taken waits with it.`;
  if (state === 'gone')
    return `It ended or lost the broker: see its log on ${where}, whether the kernel killed it for memory, and start it again.`;
  return `See whether its process runs on ${where}.`;
}
