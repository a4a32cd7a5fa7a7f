import { figure } from '../../message/figures.ts';
import { type Collector, defineSystem, type InstanceView } from '../contract.ts';
import { hostChecks } from './checks.ts';
import {
  collectDisks,
  collectFacts,
  collectProcesses,
  collectSockets,
  type DisksSnapshot,
  type SocketsSnapshot,
} from './collect.ts';
import type { FactsSnapshot } from './collect-facts.ts';
import type { ProcessesSnapshot } from './collect-processes.ts';
import type { HostFacts } from './facts.ts';
import { measureDisks, measureFacts, measureProcesses, measureSockets } from './measure.ts';
import { hostViews } from './views.ts';

const facts: Collector<FactsSnapshot, HostFacts> = {
  id: 'facts',
  everySeconds: 5,
  collect: collectFacts,
  measure: measureFacts,
};
const sockets: Collector<SocketsSnapshot, HostFacts> = {
  id: 'sockets',
  everySeconds: 10,
  collect: collectSockets,
  measure: measureSockets,
};
const processes: Collector<ProcessesSnapshot, HostFacts> = {
  id: 'processes',
  everySeconds: 15,
  collect: collectProcesses,
  measure: measureProcesses,
};
const disks: Collector<DisksSnapshot, HostFacts> = {
  id: 'disks',
  everySeconds: 30,
  collect: collectDisks,
  measure: measureDisks,
};

/** Linux hosts, each with its own cores, memory, disks and processes. */
export const host = defineSystem<HostFacts>({
  id: 'host',
  watches: 'host',
  collectors: [facts, sockets, processes, disks],
  checks: hostChecks,
  views: hostViews,
  figures(instances) {
    return instances.map(row).join(' · ');
  },
});

function row(view: InstanceView<HostFacts>): string {
  const busy = view.value('host.cpu_busy');
  const cores = view.value('host.cores');
  const total = view.value('host.memory_total');
  const available = view.value('host.memory_available');
  const parts = [
    busy === undefined || !cores
      ? ''
      : `CPU ${figure(Math.min(1, busy / cores), 'share')} of ${figure(cores, 'cores')}`,
    total === undefined || available === undefined
      ? ''
      : `${figure(available, 'B')} of ${figure(total, 'B')} free`,
  ];
  return parts.filter(Boolean).join(', ') || 'not measured yet';
}
