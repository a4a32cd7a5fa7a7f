import { z } from 'zod';
import type { Evidence, InstanceView, JudgeInput } from '../../contract.ts';
import { mean } from '../../rate.ts';
import type { UwsgiFacts } from '../facts.ts';

type Input<T> = JudgeInput<UwsgiFacts, T>;

export const window = z
  .number()
  .min(10)
  .max(600)
  .default(15)
  .describe('Seconds looked back: three rounds, so that one slow request alone says nothing.');

export function thin(summary: string) {
  return { level: 'ok' as const, basis: 'thin' as const, summary };
}

/** Mean over the window, all instances summed; the newest figures alone while there is no history yet. */
export function over<T>(input: Input<T>, metric: string, seconds: number): number | undefined {
  const { history, target, instances } = input;
  const past = mean(history.series({ metric, target, windowMs: seconds * 1000 }));
  if (past !== undefined) return past;
  const now = instances.flatMap((one) => one.value(metric) ?? []);
  return now.length > 0 ? now.reduce((total, value) => total + value, 0) : undefined;
}

export function sum(instances: readonly InstanceView<UwsgiFacts>[], metric: string): number {
  return instances.reduce((total, one) => total + (one.value(metric) ?? 0), 0);
}

export function inFlight(instances: readonly InstanceView<UwsgiFacts>[]) {
  return instances
    .flatMap((one) => (one.facts.inFlight ?? []).map((row) => ({ ...row, instance: one.instance })))
    .sort((a, b) => b.longestSeconds - a.longestSeconds);
}

export function stuckShare(instances: readonly InstanceView<UwsgiFacts>[], seconds: number): number {
  const workers = instances.flatMap((one) => one.facts.workers ?? []);
  const stuck = workers.filter((worker) => (worker.runningForSeconds ?? 0) > seconds);
  return workers.length > 0 ? stuck.length / workers.length : 0;
}

export function byInstance(instances: readonly InstanceView<UwsgiFacts>[]): Evidence {
  return {
    kind: 'table',
    title: 'By server',
    columns: [
      { name: 'server' },
      { name: 'busy' },
      { name: 'workers' },
      { name: 'waiting' },
      { name: 'requests', unit: '/s' },
      { name: 'mean', unit: 's' },
      { name: 'exceptions', unit: '/s' },
    ],
    rows: instances.map((one) => [
      one.instance,
      one.value('uwsgi.busy_workers') ?? null,
      one.value('uwsgi.workers') ?? null,
      one.value('uwsgi.listen_queue') ?? null,
      one.value('uwsgi.requests') ?? null,
      one.value('uwsgi.mean_seconds') ?? null,
      one.value('uwsgi.exceptions') ?? null,
    ]),
  };
}

export function flightTable(instances: readonly InstanceView<UwsgiFacts>[]): Evidence[] {
  const rows = inFlight(instances);
  if (rows.length === 0) return [];
  return [
    {
      kind: 'table',
      title: 'What workers are on now',
      columns: [{ name: 'server' }, { name: 'URL' }, { name: 'workers' }, { name: 'longest', unit: 's' }],
      rows: rows.slice(0, 8).map((row) => [row.instance, row.path, row.count, row.longestSeconds]),
    },
  ];
}

/** Where the time of the last minute went, all servers together, by looks five seconds apart. */
export function pathTable(instances: readonly InstanceView<UwsgiFacts>[]): Evidence[] {
  const sums = new Map<string, number>();
  for (const { path, seen } of instances.flatMap((one) => one.facts.paths ?? []))
    sums.set(path, (sums.get(path) ?? 0) + seen);
  const all = [...sums.values()].reduce((total, seen) => total + seen, 0);
  if (all === 0) return [];
  return [
    {
      kind: 'table',
      title: "Where workers' time went in the last minute",
      columns: [{ name: 'URL' }, { name: 'time', unit: 'share' }, { name: 'seen' }],
      rows: [...sums]
        .sort((a, b) => b[1] - a[1])
        .slice(0, 8)
        .map(([path, seen]) => [path, seen / all, seen]),
    },
  ];
}
