import type { CollectContext, Evidence, Reading, View } from '../contract.ts';
import { collectTwice, detailsOf } from './collect.ts';
import { byCpu, byDevice, byMemory, figures, type HostView, memoryTable } from './evidence.ts';
import type { HostFacts, HostProcess } from './facts.ts';
import { measureFacts, measureProcesses } from './measure.ts';
import { processViews } from './views-process.ts';

const CLOSELY = 40;
const SHOWN = 20;

/** What htop shows after its first second: two looks a second apart, and the biggest users by name. */
async function look(context: CollectContext): Promise<HostView> {
  const [first, second] = await collectTwice(context);
  const rates = measureFacts({ at: first.clock, snapshot: first }, { at: second.clock, snapshot: second });
  const byRes = [...second.processes.values()].sort((a, b) => b.residentPages - a.residentPages);
  const pids = new Set(
    [...(rates.facts.busiest ?? []), ...byRes].map((process) => process.pid).slice(0, CLOSELY * 2),
  );
  const chosen = await detailsOf(context, [...pids].slice(0, CLOSELY), second.processes);
  const moment = (snapshot: typeof first) => ({
    at: snapshot.clock,
    snapshot: { uptime: snapshot.uptime, clock: snapshot.clock, all: snapshot.processes, chosen },
  });
  const processes = measureProcesses(moment(first), moment(second));
  return viewOf(context.place.instance, second.clock, rates.readings, { ...rates.facts, ...processes.facts });
}

function viewOf(
  instance: string,
  at: number,
  readings: readonly Reading[],
  facts: Partial<HostFacts>,
): HostView {
  return {
    instance,
    at,
    readings,
    facts,
    value: (metric) => readings.find((one) => one.metric === metric && one.labels === undefined)?.value,
    all: (metric) => readings.filter((one) => one.metric === metric),
  };
}

function cpuFigures(view: HostView): Evidence {
  return figures(view, [
    ['load, 1 min', 'host.load1', 'count', view.facts.cpu?.kernelCores],
    ['load, 5 min', 'host.load5', 'count'],
    ['CPU in use', 'host.cpu_busy', 'cores', view.facts.cpu?.cores],
    ['stolen by other guests', 'host.steal_share', 'share'],
    ['throttled by the quota', 'host.throttled_share', 'share'],
    ['waiting for a core (PSI)', 'host.psi_cpu', 'share'],
  ]);
}

function memoryFigures(view: HostView): Evidence {
  return figures(view, [
    ['memory', 'host.memory_total', 'B'],
    ['available', 'host.memory_available', 'B'],
    ['swap in use', 'host.swap_used', 'B'],
    ['swap moving', 'host.swap_moving', 'pages/s'],
  ]);
}

function ioFigures(view: HostView): Evidence {
  return figures(view, [
    ['waiting for disks', 'host.iowait_share', 'share'],
    ['work standing still (PSI)', 'host.psi_io', 'share'],
  ]);
}

/** Whose cores they are, when not all of the machine's. */
function limits(view: HostView): Evidence[] {
  const cpu = view.facts.cpu;
  if (!cpu || cpu.limitedBy === 'nothing') return [];
  const why = cpu.limitedBy === 'quota' ? 'a cgroup quota' : 'its CPU set';
  return [
    {
      kind: 'note',
      text: `A container: ${cpu.cores} of ${cpu.kernelCores} cores by ${why}. Load and memory are those of the whole machine.`,
    },
  ];
}

function processTable(view: HostView): Evidence {
  const rows = [...(view.facts.processes ?? [])].sort(
    (a, b) => (b.cpuCores ?? 0) - (a.cpuCores ?? 0) || b.residentBytes - a.residentBytes,
  );
  return {
    kind: 'table',
    title: `Processes by CPU, then memory`,
    columns: [
      { name: 'pid' },
      { name: 'user' },
      { name: 'CPU', unit: 'cores' },
      { name: 'RES', unit: 'B' },
      { name: 'S' },
      { name: 'threads' },
      { name: 'command' },
    ],
    rows: rows
      .slice(0, SHOWN)
      .map((one: HostProcess) => [
        String(one.pid),
        one.user,
        one.cpuCores ?? null,
        one.residentBytes,
        one.state,
        one.threads,
        one.command,
      ]),
  };
}

function view(name: string, summary: string, evidence: (view: HostView) => readonly Evidence[]): View {
  return { name, summary, show: async (context) => evidence(await look(context)) };
}

/** `host H [cpu|memory|io|processes|files PID|syscalls PID|stack PID]` */
export const hostViews: readonly View[] = [
  view('', 'Load, cores, memory, disks and the busiest processes', (host) => [
    cpuFigures(host),
    memoryFigures(host),
    ioFigures(host),
    ...limits(host),
    ...byCpu(host),
  ]),
  view('cpu', 'Who uses the cores', (host) => [cpuFigures(host), ...limits(host), ...byCpu(host, SHOWN)]),
  view('memory', 'Who uses the memory', (host) => [
    memoryFigures(host),
    ...limits(host),
    ...byMemory(host, SHOWN),
  ]),
  view('io', 'Disks, and who waits for them', (host) => {
    const waiting = (host.facts.processes ?? []).filter((process) => process.state === 'D');
    return [
      ioFigures(host),
      ...byDevice(host),
      ...(waiting.length > 0
        ? [memoryTable('Waiting for a disk at this moment', waiting.slice(0, SHOWN))]
        : []),
    ];
  }),
  view('processes', 'The process list, as htop shows it', (host) => [processTable(host)]),
  ...processViews,
];
