import type { Stack } from '../../config/stack.ts';
import type { Cell, Evidence } from '../contract.ts';
import type { Capacity, CapacityLimits, DatabaseRoom } from './capacity.ts';

/** What a load needs, as figures and a table; `times` is a load so many times as high, its mix as now. */
export function capacityEvidence(
  found: Capacity,
  stack: Stack,
  limits: CapacityLimits,
  times = 1,
): Evidence[] {
  const needed = Math.max(1, Math.ceil(found.needed * times));
  const spares = stack.hostsOf(found.service, true).length - stack.hostsOf(found.service).length;
  return [
    {
      kind: 'figures',
      rows: [
        {
          name: times === 1 ? 'arrives' : `arrives at ${times} times the load`,
          value: found.arriving * times,
          unit: '/s',
        },
        ...(times === 1 ? [{ name: 'is done', value: found.done, unit: '/s' as const }] : []),
        { name: 'servers needed', value: needed, unit: 'count' },
        { name: 'servers in use', value: found.inUse.length, unit: 'count' },
        { name: 'spares in the config', value: spares, unit: 'count' },
        { name: 'time of a worker for one request', value: found.busyPerRequest, unit: 's' },
        ...(found.cpuPerRequest === undefined
          ? []
          : [{ name: 'CPU for one request', value: found.cpuPerRequest, unit: 's' as const }]),
      ],
    },
    {
      kind: 'table',
      title: 'What one server does at the target, and what fills first',
      columns: [
        { name: 'by' },
        { name: 'a server has' },
        { name: 'target', unit: 'share' },
        { name: 'does', unit: '/s' },
        { name: 'servers needed' },
      ],
      rows: [
        row('workers', found.workersPerServer, limits.targetBusy, found.byWorkers, found.arriving * times),
        ...(found.byCpu === undefined || found.coresPerServer === undefined
          ? []
          : [row('cores', found.coresPerServer, limits.targetCpu, found.byCpu, found.arriving * times)]),
      ],
    },
    ...(found.cpuPerRequest === undefined
      ? [{ kind: 'note' as const, text: 'The CPU of its hosts is not watched: reckoned from workers alone.' }]
      : []),
    ...databases(found, needed),
  ];
}

function row(by: string, has: number, target: number, does: number, arriving: number): Cell[] {
  return [
    by,
    has,
    target,
    Number.isFinite(does) ? does : null,
    Number.isFinite(does) ? arriving / does : null,
  ];
}

/** Each worker holds a connection of its own; more servers bring as many more. */
function databases(found: Capacity, needed: number): Evidence[] {
  if (found.databases.length === 0) return [];
  const more = Math.max(0, needed - found.inUse.length) * found.workersPerServer;
  return [
    {
      kind: 'table',
      title: 'Room in the databases for more servers',
      columns: [
        { name: 'database' },
        { name: 'connections' },
        { name: 'at most' },
        { name: 'left' },
        { name: 'more workers' },
        { name: '' },
      ],
      rows: found.databases.map((one) => [
        one.service,
        one.connections?.used ?? null,
        one.connections?.most ?? null,
        one.connections ? one.connections.most - one.connections.used : null,
        more,
        wordsFor(one, more),
      ]),
    },
  ];
}

function wordsFor({ pooled, connections }: DatabaseRoom, more: number): string {
  if (pooled) return 'behind a pooler: its pool decides';
  if (!connections) return 'not known: its connections are not watched';
  return connections.most - connections.used >= more ? 'enough' : 'NOT enough';
}
