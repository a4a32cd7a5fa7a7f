import { figure } from '../../../message/figures.ts';
import type { HistoryView, JudgeInput } from '../../contract.ts';
import type { CeleryFacts, PoolRow } from '../facts.ts';
import { rowsOf } from './shared.ts';

/** A host with more of its CPU in use has none for another process. */
const BUSY = 0.7;
/** What is left free when one more child has started, times its size. */
const CHILDREN = 2;

interface Room {
  readonly host: string;
  readonly free: boolean;
  readonly says: string;
}

/** What helps against a backlog: more processes where hosts of workers have CPU and memory left, else another server. */
export function roomFor<T>({ instances, history, stack, target }: JudgeInput<CeleryFacts, T>): string {
  const pools = rowsOf(instances, 'pools');
  const spares = stack.service(target, 'celery')?.config.spares ?? [];
  const rooms = stack.hostsOf(target).flatMap((host) => roomOn(host, pools, history) ?? []);
  const free = rooms.filter((room) => room.free);
  const first = 'First see what the tasks below wait for: more workers ask more of a database.';
  const scaled = pools.find((pool) => pool.autoscale !== '');
  const how = scaled
    ? `raise the autoscale range (now ${scaled.autoscale})`
    : 'more processes (pool_grow, or -c at the next start)';
  if (free.length > 0)
    return `There is room on ${free.map((room) => room.says).join('; ')}: ${how}. ${first}`;
  const server =
    spares.length > 0
      ? `start a worker on ${spares.join(' or ')}, which is a spare`
      : 'start a worker on another server';
  if (rooms.length > 0) return `No room on ${rooms.map((room) => room.says).join('; ')}: ${server}. ${first}`;
  return `With CPU and memory free on the workers' hosts: ${how}. With none: ${server}. ${first}`;
}

function roomOn(host: string, pools: readonly PoolRow[], history: HistoryView): Room | undefined {
  const latest = (metric: string) => history.latest({ metric, target: host })?.value;
  const [cores, busy, memory] = [
    latest('host.cores'),
    latest('host.cpu_busy'),
    latest('host.memory_available'),
  ];
  if (cores === undefined || busy === undefined || memory === undefined || cores <= 0) return undefined;
  const child = Math.max(0, ...pools.filter((pool) => pool.host === host).map((pool) => pool.bytes));
  const cpu = busy / cores;
  return {
    host,
    free: cpu < BUSY && memory > CHILDREN * child,
    says: `${host} (CPU ${figure(cpu, 'share')} of ${figure(cores, 'cores')}, ${figure(memory, 'B')} free${child > 0 ? `; a process takes about ${figure(child, 'B')}` : ''})`,
  };
}
