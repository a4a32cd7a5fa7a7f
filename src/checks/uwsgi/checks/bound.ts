import { figure } from '../../../message/figures.ts';
import type { Evidence, JudgeInput } from '../../contract.ts';
import { mean } from '../../rate.ts';
import type { UwsgiFacts } from '../facts.ts';

type Input<T> = Pick<JudgeInput<UwsgiFacts, T>, 'instances' | 'history'>;

/** So much of a host's cores in use is all that there is: the rest goes in the changes between processes. */
const CPU_FULL = 0.85;
/** Below that, workers spend their time waiting for something else. */
const CPU_IDLE = 0.6;
const THROTTLED = 0.2;
/** Memory that must be left: room for two more workers. */
const WORKERS_MORE = 2;
/** What a worker takes where uWSGI does not report its memory. */
const USUAL_WORKER_BYTES = 150_000_000;
const WINDOW_MS = 30_000;

interface HostState {
  readonly instance: string;
  readonly cpuShare: number | undefined;
  readonly cores: number | undefined;
  readonly throttled: number | undefined;
  readonly availableBytes: number | undefined;
  readonly workerBytes: number;
}

function hostsOf<T>({ instances, history }: Input<T>): HostState[] {
  return instances.map((one) => {
    const over = (metric: string) =>
      mean(history.series({ metric, target: one.instance, windowMs: WINDOW_MS }));
    const [busy, cores] = [over('host.cpu_busy'), over('host.cores')];
    return {
      instance: one.instance,
      cpuShare: busy !== undefined && cores ? Math.min(1, busy / cores) : undefined,
      cores,
      throttled: over('host.throttled_share'),
      availableBytes: over('host.memory_available'),
      workerBytes: one.value('uwsgi.worker_rss') ?? USUAL_WORKER_BYTES,
    };
  });
}

/** What is short, said as the next step: CPU (another server), workers (more of them), or what they wait for. */
export function boundBy<T>(input: Input<T>): string {
  const hosts = hostsOf(input);
  const known = hosts.filter((one) => one.cpuShare !== undefined);
  if (known.length < hosts.length || hosts.length === 0)
    return 'CPU and memory to spare on these hosts: more workers. None: another server. First see whether the workers wait for a database.';
  const full = known.filter((one) => (one.cpuShare ?? 0) >= CPU_FULL || (one.throttled ?? 0) >= THROTTLED);
  const cpu = known.reduce((sum, one) => sum + (one.cpuShare ?? 0), 0) / known.length;
  const said = `CPU ${figure(cpu, 'share')} on ${known.map((one) => one.instance).join(', ')}`;
  if (full.length * 2 > known.length)
    return `CPU-bound: ${said}. More workers would only share it: another server, or cheaper pages.`;
  const poor = known.filter(
    (one) => one.availableBytes !== undefined && one.availableBytes < one.workerBytes * WORKERS_MORE,
  );
  if (poor.length > 0)
    return `Worker-bound, and no memory for more: ${said}, ${figure(poor[0]?.availableBytes ?? 0, 'B')} left on ${poor[0]?.instance}. Smaller workers, more memory, or another server.`;
  return cpu <= CPU_IDLE
    ? `Worker-bound: ${said}, memory to spare. The workers wait for something: see the database first. If that is well, more workers.`
    : `Worker-bound: ${said}, memory to spare: one more worker a server, no more.`;
}

export function hostTable<T>(input: Input<T>): Evidence[] {
  const rows = hostsOf(input).filter((one) => one.cpuShare !== undefined);
  if (rows.length === 0) return [];
  return [
    {
      kind: 'table',
      title: 'Their hosts',
      columns: [
        { name: 'host' },
        { name: 'CPU', unit: 'share' },
        { name: 'of', unit: 'cores' },
        { name: 'throttled', unit: 'share' },
        { name: 'memory left', unit: 'B' },
        { name: 'biggest worker', unit: 'B' },
      ],
      rows: rows.map((one) => [
        one.instance,
        one.cpuShare ?? null,
        one.cores ?? null,
        one.throttled ?? null,
        one.availableBytes ?? null,
        one.workerBytes,
      ]),
    },
  ];
}
