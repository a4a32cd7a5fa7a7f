import type { Stack } from '../../config/stack.ts';
import type { HistoryView } from '../contract.ts';
import { mean } from '../rate.ts';

export interface CapacityLimits {
  /** Share of the workers' time that may be used. */
  readonly targetBusy: number;
  /** Share of the hosts' cores that may be used. */
  readonly targetCpu: number;
  readonly windowSeconds: number;
}

/** How much of a load one application service carries, and what that load needs. Rates are requests a second. */
export interface Capacity {
  readonly service: string;
  /** What arrives from the tier in front, also what is not done in time. */
  readonly arriving: number;
  readonly done: number;
  /** Seconds of a worker for one request, its waiting for a database and for a core included. */
  readonly busyPerRequest: number;
  /** Seconds of CPU for one request; undefined where the hosts' CPU is not known. */
  readonly cpuPerRequest: number | undefined;
  readonly workersPerServer: number;
  readonly coresPerServer: number | undefined;
  /** Servers that do requests now. */
  readonly inUse: readonly string[];
  /** Requests a second that one server does at the target use, by its workers and by its cores. */
  readonly byWorkers: number;
  readonly byCpu: number | undefined;
  readonly fillsFirst: 'workers' | 'CPU';
  /** Servers for the load, as a fraction: 3.2 is four servers. */
  readonly needed: number;
  readonly databases: readonly DatabaseRoom[];
}

export interface DatabaseRoom {
  readonly service: string;
  readonly pooled: boolean;
  /** Undefined where its connections are not watched. */
  readonly connections: { readonly used: number; readonly most: number } | undefined;
}

/** Where cores are as full as workers, it is for cores that the workers wait. */
const AS_FULL = 1.15;

/** Undefined while the service does no request, or was not seen for the whole of the window. */
export function capacityOf(
  service: string,
  { stack, history }: { readonly stack: Stack; readonly history: HistoryView },
  limits: CapacityLimits,
): Capacity | undefined {
  const windowMs = limits.windowSeconds * 1000;
  const over = (metric: string, target: string, instance?: string) =>
    mean(history.series({ metric, target, windowMs, ...(instance === undefined ? {} : { instance }) }));
  const servers = stack.hostsOf(service, true).flatMap((host) => {
    const done = over('uwsgi.requests', service, host);
    const seen = history.latest({ metric: 'uwsgi.workers', target: service, instance: host });
    if (done === undefined || done <= 0 || !seen) return [];
    const busy = over('uwsgi.busy_seconds', service, host) ?? 0;
    const cores = over('host.cores', host, host);
    const used = over('host.cpu_busy', host, host);
    // Of a host that does other things too, no more than its workers were busy.
    const cpu = used === undefined ? undefined : Math.min(used, busy);
    return [{ host, done, busy, workers: seen.value, cores, cpu }];
  });
  const total = (value: (server: (typeof servers)[0]) => number) =>
    servers.reduce((sum, server) => sum + value(server), 0);
  const done = total((server) => server.done);
  if (done <= 0) return undefined;
  const known = servers.filter(({ cpu, cores }) => cpu !== undefined && cores !== undefined);
  const all = known.length === servers.length;
  const cpuPerRequest = all ? total(({ cpu }) => cpu ?? 0) / done : undefined;
  const coresPerServer = all ? total(({ cores }) => cores ?? 0) / servers.length : undefined;
  const busyPerRequest = total(({ busy }) => busy) / done;
  const workersPerServer = total(({ workers }) => workers) / servers.length;
  const byWorkers = rate(workersPerServer * limits.targetBusy, busyPerRequest);
  const byCpu =
    cpuPerRequest === undefined || coresPerServer === undefined
      ? undefined
      : rate(coresPerServer * limits.targetCpu, cpuPerRequest);
  const perServer = Math.min(byWorkers, byCpu ?? Number.POSITIVE_INFINITY);
  const arriving = Math.max(
    done,
    ...inFront(service, stack).map(([name, metric]) => over(metric, name) ?? 0),
  );
  return {
    service,
    arriving,
    done,
    busyPerRequest,
    cpuPerRequest,
    workersPerServer,
    coresPerServer,
    inUse: servers.map(({ host }) => host),
    byWorkers,
    byCpu,
    fillsFirst: byCpu !== undefined && byCpu <= byWorkers * AS_FULL ? 'CPU' : 'workers',
    needed: Number.isFinite(perServer) ? arriving / perServer : 0,
    databases: databasesBehind(service, stack, history),
  };
}

/** What one server does: infinitely many of requests that cost nothing. */
function rate(room: number, perRequest: number): number {
  return perRequest > 0 ? room / perRequest : Number.POSITIVE_INFINITY;
}

/** Who sends requests to it, and which figure of theirs counts them when they are sent. */
function inFront(service: string, stack: Stack): [string, string][] {
  return stack.above(service).flatMap((name): [string, string][] => {
    switch (stack.services.get(name)?.kind) {
      case 'haproxy':
        // Whatever Varnish sends to it, also what never gets through its queue.
        return [[name, 'haproxy.requests'], ...inFront(name, stack)];
      case 'varnish':
        return [[name, 'varnish.backend_requests']];
      default:
        return [];
    }
  });
}

/** The databases behind a service, whether it reaches them directly or through a pooler, with their connections. */
export function databasesBehind(service: string, stack: Stack, history: HistoryView): DatabaseRoom[] {
  const found: DatabaseRoom[] = [];
  const seen = new Set<string>();
  const queue = stack.below(service).map((name) => ({ name, pooled: false }));
  for (let next = queue.shift(); next; next = queue.shift()) {
    const { name, pooled } = next;
    if (seen.has(name)) continue;
    seen.add(name);
    const config = stack.services.get(name)?.config;
    if (config?.kind === 'pgbouncer')
      queue.push(...stack.below(name).map((other) => ({ name: other, pooled: true })));
    if (config?.kind !== 'postgres' && config?.kind !== 'mysql') continue;
    const instance = config.on[0] ?? 'primary';
    const latest = (metric: string) =>
      history.latest({ metric: `${config.kind}.${metric}`, target: name, instance })?.value;
    const [used, most] = [latest('connections'), latest('connections_max')];
    found.push({
      service: name,
      pooled,
      connections: used === undefined || most === undefined ? undefined : { used, most },
    });
  }
  return found;
}
