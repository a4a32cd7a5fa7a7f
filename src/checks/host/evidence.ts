import type { Evidence, Figure, InstanceView, Unit, Verdict } from '../contract.ts';
import type { BusyProcess, HostFacts, HostProcess } from './facts.ts';
import { memoryOf } from './measure.ts';

export type HostView = InstanceView<HostFacts>;

/** Too little to judge by: neither good nor bad. */
export function thin(summary: string): Verdict {
  return { level: 'ok', basis: 'thin', cleared: false, summary };
}

/** "0.97" and "12", for cores and loads. */
export function plainNumber(value: number): string {
  return value >= 10 ? value.toFixed(0) : value.toFixed(2).replace(/\.?0+$/, '');
}

/** Whole percents, and tenths of a percent below ten. */
export function percent(share: number): string {
  const value = share * 100;
  return `${value >= 10 ? value.toFixed(0) : value.toFixed(1).replace(/\.0$/, '')} %`;
}

/** Megabytes, as `ps` and people say it: 300 MB is 300,000,000 bytes. */
export function megabytes(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(0)} MB`;
}

/** Figures of readings that the host has, by metric; those that it has not are left out. */
export function figures(
  view: HostView,
  wanted: readonly (readonly [name: string, metric: string, unit: Unit, limit?: number | undefined])[],
): Evidence {
  const rows = wanted.flatMap(([name, metric, unit, limit]): Figure[] => {
    const value = view.value(metric);
    return value === undefined ? [] : [{ name, value, unit, ...(limit === undefined ? {} : { limit }) }];
  });
  return { kind: 'figures', rows };
}

/** Who uses the cores, with the command where the slower look at processes knows it. */
export function byCpu(view: HostView, most = 6): Evidence[] {
  const rows = (view.facts.busiest ?? []).filter((process) => process.cpuCores >= 0.01).slice(0, most);
  if (rows.length === 0) return [];
  return [
    {
      kind: 'table',
      title: 'Who uses the cores',
      columns: [{ name: 'pid' }, { name: 'command' }, { name: 'CPU', unit: 'cores' }, { name: 'state' }],
      rows: rows.map((process) => [
        String(process.pid),
        commandOf(view, process),
        process.cpuCores,
        process.state,
      ]),
    },
  ];
}

export function byMemory(view: HostView, most = 6): Evidence[] {
  const rows = [...(view.facts.processes ?? [])].sort((a, b) => memoryOf(b) - memoryOf(a)).slice(0, most);
  return rows.length === 0 ? [] : [memoryTable('Who uses the memory', rows)];
}

export function memoryTable(title: string, rows: readonly HostProcess[]): Evidence {
  return {
    kind: 'table',
    title,
    columns: [
      { name: 'pid' },
      { name: 'user' },
      { name: 'command' },
      { name: 'RES', unit: 'B' },
      { name: 'PSS', unit: 'B' },
    ],
    rows: rows.map((one) => [
      String(one.pid),
      one.user,
      one.command,
      one.residentBytes,
      one.pssBytes ?? null,
    ]),
  };
}

export function byDevice(view: HostView): Evidence[] {
  const rows = [...(view.facts.devices ?? [])].sort((a, b) => b.busyShare - a.busyShare).slice(0, 6);
  if (rows.length === 0) return [];
  return [
    {
      kind: 'table',
      title: 'Disks',
      columns: [
        { name: 'device' },
        { name: 'busy', unit: 'share' },
        { name: 'read', unit: 'B/s' },
        { name: 'written', unit: 'B/s' },
      ],
      rows: rows.map((one) => [one.name, one.busyShare, one.readBytesPerSecond, one.writtenBytesPerSecond]),
    },
  ];
}

function commandOf(view: HostView, process: BusyProcess): string {
  const known = view.facts.processes?.find(
    (one) => one.pid === process.pid && Math.abs(one.startedAt - process.startedAt) < 5000,
  );
  return known?.command ?? process.name;
}

/** A subject that stays the same while the process lives: its name, made plain, and its pid. */
export function processSubject({ name, pid }: { readonly name: string; readonly pid: number }): string {
  const plain = name.replace(/[^A-Za-z0-9_.+-]+/g, '_').replace(/^_+|_+$/g, '');
  return `${plain === '' ? 'process' : plain}-${pid}`;
}

/** True where the kernel's figures are another host's too, and judged there. */
export function sharesKernel(
  stack: { readonly hosts: ReadonlyMap<string, { readonly sharedKernel: boolean }> },
  target: string,
): boolean {
  return stack.hosts.get(target)?.sharedKernel ?? false;
}
