import type { Measured, Place, Reading, Timed } from '../contract.ts';
import { growth, plain, secondsBetween } from '../rate.ts';
import { redactText } from '../redact.ts';
import type { StatsSnapshot } from './collect.ts';
import type { EventsSnapshot } from './collect-events.ts';
import type { CeleryFacts, EndedRow, FailureRow, PoolRow, RunningRow, TaskRate } from './facts.ts';
import { reading } from './measure.ts';
import { hostOfNode } from './place.ts';

const MOST_TASKS = 30;

/** Celery counts a task when a process takes it up (`total`): over more than a task's time it is what was done. */
export function measureStats(
  previous: Timed<StatsSnapshot> | undefined,
  current: Timed<StatsSnapshot>,
  place: Place,
): Measured<CeleryFacts> {
  const { stats, running } = current.snapshot;
  const span = secondsBetween(previous, current);
  const byTask = new Map<string, number>();
  const before = previous?.snapshot.stats ?? new Map<string, never>();
  // A worker that began again counts from 0, and what it did in between is not known: no rate in that round.
  let whole = span !== undefined && stats.size > 0;
  const pools = [...stats].map(([node, now]): PoolRow => {
    const earlier = before.get(node);
    const grown = earlier ? taken(earlier, now) : undefined;
    if (earlier && !grown) whole = false;
    for (const [task, count] of grown ?? []) byTask.set(task, (byTask.get(task) ?? 0) + count);
    const host = hostOfNode(node, place.stack);
    const sum = grown && [...grown.values()].reduce((all, count) => all + count, 0);
    return {
      node: plain(node),
      ...(host === undefined ? {} : { host }),
      solo: now.pool.processes.includes(now.pid),
      // What a pool was started with is not what it grew to since; threads have no processes.
      size: now.pool.processes.length || now.pool['max-concurrency'],
      active: running.get(node)?.length ?? 0,
      prefetch: now.prefetch_count,
      autoscale: now.autoscaler ? `${now.autoscaler.min} to ${now.autoscaler.max}` : '',
      bytes: (now.rusage?.maxrss ?? 0) * 1024,
      perSecond: sum === undefined || span === undefined ? null : sum / span,
    };
  });
  const paired = [...stats.keys()].some((node) => before.has(node));
  const readings = [
    reading(
      'celery.pool_size',
      total(pools, (pool) => pool.size),
      'count',
    ),
    reading(
      'celery.active',
      total([...running.values()], (tasks) => tasks.length),
      'count',
    ),
  ];
  const done = [...byTask.values()].reduce((sum, count) => sum + count, 0);
  if (whole && paired && span !== undefined) readings.push(reading('celery.done', done / span, '/s'));
  return {
    readings,
    facts: {
      pools,
      rates: span === undefined ? [] : ratesOf(byTask, span),
      running: runningRows(current),
    },
  };
}

/** By task; undefined when any count went back or another process answers. */
function taken(
  before: { readonly pid: number; readonly total: Readonly<Record<string, number>> },
  now: { readonly pid: number; readonly total: Readonly<Record<string, number>> },
): Map<string, number> | undefined {
  if (before.pid !== now.pid) return undefined;
  const grown = new Map<string, number>();
  for (const [task, count] of Object.entries(now.total)) {
    const more = growth(before.total[task] ?? 0, count);
    if (more === undefined) return undefined;
    if (more > 0) grown.set(plain(task), more);
  }
  return grown;
}

function ratesOf(byTask: ReadonlyMap<string, number>, span: number): TaskRate[] {
  return [...byTask]
    .map(([task, count]) => ({ task, perSecond: count / span }))
    .sort((a, b) => b.perSecond - a.perSecond)
    .slice(0, MOST_TASKS);
}

function runningRows({ at, snapshot }: Timed<StatsSnapshot>): RunningRow[] {
  const rows = new Map<string, RunningRow>();
  for (const { task, startedAt } of [...snapshot.running.values()].flat()) {
    const row = rows.get(task);
    const seconds = startedAt === null ? 0 : Math.max(0, (at - startedAt) / 1000);
    rows.set(task, {
      task,
      count: (row?.count ?? 0) + 1,
      longestSeconds: Math.max(row?.longestSeconds ?? 0, seconds),
    });
  }
  return [...rows.values()].sort((a, b) => b.count - a.count).slice(0, MOST_TASKS);
}

/** Rates of the newest window; the facts cover all of them. */
export function measureEvents(
  _previous: Timed<EventsSnapshot> | undefined,
  { snapshot: { windows } }: Timed<EventsSnapshot>,
): Measured<CeleryFacts> {
  const newest = windows.at(-1);
  const readings: Reading[] = [];
  if (newest && newest.seconds >= 1) {
    const rate = (field: 'succeeded' | 'failed' | 'retried') =>
      total(newest.ended, (row) => row[field]) / newest.seconds;
    // Where nobody tells of tasks, silence is no zero.
    if ([...newest.nodes.values()].some(({ tasks }) => tasks))
      readings.push(
        reading('celery.succeeded', rate('succeeded'), '/s'),
        reading('celery.failed', rate('failed'), '/s'),
        reading('celery.retried', rate('retried'), '/s'),
      );
  }
  const tellers = new Set(
    windows.flatMap(({ nodes }) => [...nodes].filter(([, { tasks }]) => tasks).map(([node]) => plain(node))),
  );
  return {
    readings,
    facts: {
      events: {
        seconds: total(windows, (window) => window.seconds),
        ended: endedRows(windows),
        failures: failureRows(windows),
        tellers: [...tellers].sort(),
        paused: windows.some((window) => window.paused),
      },
    },
  };
}

function endedRows(windows: EventsSnapshot['windows']): EndedRow[] {
  const rows = new Map<string, { succeeded: number; failed: number; retried: number; runtime: number }>();
  for (const one of windows.flatMap((window) => window.ended)) {
    const task = plain(one.task);
    const row = rows.get(task) ?? { succeeded: 0, failed: 0, retried: 0, runtime: 0 };
    row.succeeded += one.succeeded;
    row.failed += one.failed;
    row.retried += one.retried;
    row.runtime += one.runtime;
    rows.set(task, row);
  }
  return [...rows]
    .map(([task, { runtime, ...row }]) => ({
      task,
      ...row,
      meanSeconds: row.succeeded > 0 ? runtime / row.succeeded : null,
    }))
    .sort((a, b) => b.failed - a.failed || b.succeeded - a.succeeded)
    .slice(0, MOST_TASKS);
}

function failureRows(windows: EventsSnapshot['windows']): FailureRow[] {
  const rows = new Map<string, FailureRow>();
  for (const one of windows.flatMap((window) => window.failures)) {
    const row = {
      task: plain(one.task),
      node: plain(one.node),
      exception: plain(redactText(one.exception)),
      where: plain(redactText(one.where)),
    };
    const key = JSON.stringify([row.task, row.node, /^[\w.]+/.exec(row.exception)?.[0] ?? row.exception]);
    rows.set(key, { ...row, count: one.count + (rows.get(key)?.count ?? 0) });
  }
  return [...rows.values()].sort((a, b) => b.count - a.count).slice(0, MOST_TASKS);
}

function total<T>(rows: readonly T[], value: (row: T) => number): number {
  return rows.reduce((sum, row) => sum + value(row), 0);
}
