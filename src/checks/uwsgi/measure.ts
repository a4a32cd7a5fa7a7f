import type { Measured, Place, Reading, Timed, Unit } from '../contract.ts';
import { growth, secondsBetween } from '../rate.ts';
import type { Sample, UwsgiSnapshot, Worker } from './collect.ts';
import type { InFlightRow, PathRow, UwsgiFacts, WorkerRow } from './facts.ts';

export function measureUwsgi(
  previous: Timed<UwsgiSnapshot> | undefined,
  current: Timed<UwsgiSnapshot>,
  place: Place,
): Measured<UwsgiFacts> {
  const { workers, queue, queueMax, samples } = current.snapshot;
  const grown = grew(previous, current);
  const readings: Reading[] = [
    reading(
      'uwsgi.workers',
      total(workers, (worker) => worker.slots),
      'count',
    ),
    reading(
      'uwsgi.busy_workers',
      total(workers, (worker) => worker.inRequest.length),
      'count',
    ),
    reading('uwsgi.listen_queue', queue, 'count'),
    reading('uwsgi.listen_queue_max', queueMax, 'count'),
  ];
  const rss = Math.max(0, ...workers.map((worker) => worker.rss));
  if (rss > 0) readings.push(reading('uwsgi.worker_rss', rss, 'B'));
  if (grown) {
    const { seconds } = grown;
    readings.push(
      reading('uwsgi.busy_seconds', grown.runningSeconds / seconds, 'cores'),
      reading('uwsgi.requests', grown.requests / seconds, '/s'),
      reading('uwsgi.exceptions', grown.exceptions / seconds, '/s'),
      reading('uwsgi.harakiri', grown.harakiri / seconds, '/s'),
      reading('uwsgi.respawns', grown.respawns / seconds, '/s'),
    );
    if (grown.requests > 0)
      readings.push(reading('uwsgi.mean_seconds', grown.runningSeconds / grown.requests, 's'));
    // Where nothing stands in front, this is what visitors get.
    if (place.stack.entry()?.name === place.target)
      readings.push(
        reading('visitors.requests', grown.requests / seconds, '/s'),
        reading('visitors.errors', grown.exceptions / seconds, '/s'),
      );
  }
  return {
    readings,
    facts: {
      workers: workers.map((worker) => workerRow(worker, previous?.snapshot, current.at)),
      inFlight: inFlight(workers, current.at),
      ...(samples ? { paths: paths(samples), sampled: samples.length } : {}),
    },
  };
}

interface Grown {
  readonly seconds: number;
  readonly runningSeconds: number;
  readonly requests: number;
  readonly exceptions: number;
  readonly harakiri: number;
  readonly respawns: number;
}

/** What all workers did between two snapshots; undefined after a restart or reload, when counters begin again. */
function grew(previous: Timed<UwsgiSnapshot> | undefined, current: Timed<UwsgiSnapshot>): Grown | undefined {
  const seconds = secondsBetween(previous, current);
  if (!previous || seconds === undefined) return undefined;
  if (previous.snapshot.masterPid !== current.snapshot.masterPid) return undefined;
  const before = new Map(previous.snapshot.workers.map((worker) => [worker.id, worker]));
  const sums = { runningSeconds: 0, requests: 0, exceptions: 0, harakiri: 0, respawns: 0 };
  for (const worker of current.snapshot.workers) {
    const earlier = before.get(worker.id);
    // A worker that was only just spawned is counted from its next round on.
    if (!earlier) continue;
    for (const key of Object.keys(sums) as (keyof typeof sums)[]) {
      const grown = growth(earlier[key], worker[key]);
      if (grown === undefined) return undefined;
      sums[key] += grown;
    }
  }
  return { seconds, ...sums };
}

function workerRow(worker: Worker, previous: UwsgiSnapshot | undefined, at: number): WorkerRow {
  const earlier = previous?.workers.find((one) => one.id === worker.id && one.pid === worker.pid);
  const requests = growth(earlier?.requests, worker.requests) ?? 0;
  const seconds = growth(earlier?.runningSeconds, worker.runningSeconds);
  const slot = worker.inRequest[0];
  return {
    id: worker.id,
    pid: worker.pid,
    status: worker.status,
    busy: worker.inRequest.length > 0,
    loaded: worker.apps > 0,
    requests: worker.requests,
    meanSeconds: requests > 0 && seconds !== undefined ? seconds / requests : null,
    rss: worker.rss,
    ...(slot ? { currentPath: slot.path, runningForSeconds: runningFor(slot.startedAt, at) } : {}),
  };
}

function inFlight(workers: readonly Worker[], at: number): InFlightRow[] {
  const rows = new Map<string, InFlightRow>();
  for (const slot of workers.flatMap((worker) => worker.inRequest)) {
    const row = rows.get(slot.path);
    rows.set(slot.path, {
      path: slot.path,
      count: (row?.count ?? 0) + 1,
      longestSeconds: Math.max(row?.longestSeconds ?? 0, runningFor(slot.startedAt, at)),
    });
  }
  return [...rows.values()].sort((a, b) => b.count - a.count || b.longestSeconds - a.longestSeconds);
}

const MOST_PATHS = 20;

/** Seen at looks that know nothing of requests, a path comes up in proportion to the time that it takes. */
function paths(samples: readonly Sample[]): PathRow[] {
  const sums = new Map<string, number>();
  for (const { paths: seen } of samples)
    for (const [path, count] of seen) sums.set(path, (sums.get(path) ?? 0) + count);
  const all = [...sums.values()].reduce((sum, count) => sum + count, 0);
  return [...sums]
    .map(([path, seen]) => ({ path, seen, share: seen / all }))
    .sort((a, b) => b.seen - a.seen)
    .slice(0, MOST_PATHS);
}

function runningFor(startedAt: number, at: number): number {
  return startedAt > 0 ? Math.max(0, Math.round(at / 1000 - startedAt)) : 0;
}

function total(workers: readonly Worker[], value: (worker: Worker) => number): number {
  return workers.reduce((sum, worker) => sum + value(worker), 0);
}

function reading(metric: string, value: number, unit: Unit): Reading {
  return { metric, value, unit };
}
