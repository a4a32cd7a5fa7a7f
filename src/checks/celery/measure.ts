import type { Measured, Place, Reading, Timed, Unit } from '../contract.ts';
import { plain } from '../rate.ts';
import type { LookSnapshot, QueuesSnapshot, WorkersSnapshot } from './collect.ts';
import type { CeleryFacts, QueueRow, WaitingRow, WorkerRow } from './facts.ts';
import { configOf, hostOfNode } from './place.ts';

export function measureWorkers(
  _previous: Timed<WorkersSnapshot> | undefined,
  current: Timed<WorkersSnapshot>,
  place: Place,
): Measured<CeleryFacts> {
  const { answered, silent, twice, known, listening } = current.snapshot;
  const missing = [...known.keys()].filter((node) => !answered.has(node));
  const lost = (node: string): WorkerRow['state'] => {
    const listens = listening.get(node);
    if (listens !== undefined) return listens ? 'silent' : 'gone';
    if (silent === undefined) return 'unheard';
    if (silent === 0) return 'gone';
    return silent >= missing.length ? 'silent' : 'unheard';
  };
  const workers = [...known].map(([node, answeredAt]): WorkerRow => {
    const host = hostOfNode(node, place.stack);
    return {
      node: plain(node),
      ...(host === undefined ? {} : { host }),
      state: answered.has(node) ? 'answers' : lost(node),
      answeredAt: answered.has(node) ? current.at : answeredAt,
      ms: answered.get(node) ?? null,
    };
  });
  workers.sort((a, b) => a.node.localeCompare(b.node));
  const hosts = new Set(workers.flatMap(({ host }) => host ?? []));
  // Where no worker is named after a host of the config, their names say nothing of hosts.
  const named = workers.length === 0 || hosts.size > 0;
  const readings = [reading('celery.workers', answered.size, 'count')];
  if (silent !== undefined) readings.push(reading('celery.workers_silent', silent, 'count'));
  if (answered.size > 0) readings.push(reading('celery.ping_ms', Math.max(...answered.values()), 'ms'));
  return {
    readings,
    facts: {
      workers,
      missingHosts: named ? configOf({ place }).on.filter((host) => !hosts.has(host)) : [],
      twice: twice.map((node) => plain(node)),
    },
  };
}

export function measureQueues(
  _previous: Timed<QueuesSnapshot> | undefined,
  current: Timed<QueuesSnapshot>,
): Measured<CeleryFacts> {
  const { queues, unacked, managed } = current.snapshot;
  const rows = queues.map((depth): QueueRow => {
    const told = managed.get(depth.queue);
    return {
      queue: depth.queue,
      ready: depth.ready,
      byPriority: depth.byPriority,
      unacked: told?.unacked ?? depth.unacked ?? null,
      consumers: depth.consumers ?? null,
      oldestSeconds: told?.oldestAt === undefined ? null : seconds(told.oldestAt, current.at),
    };
  });
  const waiting = rows.reduce((sum, row) => sum + (row.ready ?? 0), 0);
  const told = rows.flatMap((row) => row.unacked ?? []);
  const taken = unacked ?? (told.length > 0 ? told.reduce((sum, one) => sum + one, 0) : undefined);
  const readings = [
    reading('celery.waiting', waiting, 'count'),
    reading('celery.backlog', waiting + (taken ?? 0), 'count'),
    ...rows.map((row) => ({
      ...reading('celery.queue', row.ready ?? 0, 'count'),
      labels: { queue: row.queue },
    })),
  ];
  if (taken !== undefined) readings.push(reading('celery.unacked', taken, 'count'));
  return { readings, facts: { queues: rows } };
}

export function measureLook(
  _previous: Timed<LookSnapshot> | undefined,
  current: Timed<LookSnapshot>,
  place: Place,
): Measured<CeleryFacts> {
  const { heads, served } = current.snapshot;
  const taken = new Set([...served.values()].flat());
  const waiting = [...heads].flatMap(([queue, head]): WaitingRow[] => {
    const tasks = new Map<string, { count: number; oldest: number | undefined }>();
    for (const { task, sentAt } of head) {
      const row = tasks.get(task) ?? { count: 0, oldest: undefined };
      row.count += 1;
      if (sentAt !== undefined) row.oldest = Math.min(row.oldest ?? sentAt, sentAt);
      tasks.set(task, row);
    }
    return [...tasks].map(([task, { count, oldest }]) => ({
      queue,
      task,
      count,
      looked: head.length,
      oldestSeconds: oldest === undefined ? null : seconds(oldest, current.at),
    }));
  });
  waiting.sort((a, b) => b.count - a.count);
  return {
    readings: [],
    facts: {
      waiting,
      // Without a single answer nothing is known of who consumes what.
      unserved: served.size === 0 ? [] : configOf({ place }).queues.filter((queue) => !taken.has(queue)),
    },
  };
}

function seconds(since: number, now: number): number {
  return Math.max(0, Math.round((now - since) / 1000));
}

export function reading(metric: string, value: number, unit: Unit): Reading {
  return { metric, value, unit };
}
