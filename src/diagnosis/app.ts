import type { ExplainContext, Wish } from './contract.ts';

/** How an application service stands at the moment, from its own workers and from its proxy. */
export interface AppState {
  readonly workers: number;
  readonly busy: number;
  readonly busyShare: number;
  readonly queue: number;
  readonly meanSeconds: number | undefined;
  readonly requests: number;
  readonly proxy: string | undefined;
  readonly proxyQueue: number;
}

export function appState(context: ExplainContext, app: string): AppState {
  const latest = (metric: string, target = app) => context.seen.history.latest({ metric, target })?.value;
  const workers = latest('uwsgi.workers') ?? 0;
  const busy = latest('uwsgi.busy_workers') ?? 0;
  const requests = latest('uwsgi.requests') ?? 0;
  const busySeconds = latest('uwsgi.busy_seconds') ?? 0;
  const proxy = context.stack.above(app).find((name) => context.stack.services.get(name)?.kind === 'haproxy');
  return {
    workers,
    busy,
    busyShare: workers > 0 ? Math.max(busy, busySeconds) / workers : 0,
    queue: latest('uwsgi.listen_queue') ?? 0,
    meanSeconds: requests > 0 ? busySeconds / requests : undefined,
    requests,
    proxy,
    proxyQueue: proxy ? (latest('haproxy.queue', proxy) ?? 0) : 0,
  };
}

export function pressed(state: AppState): boolean {
  return state.workers > 0 && (state.busyShare >= 0.9 || state.queue > 0 || state.proxyQueue > 0);
}

/** "App: 6 of 6 workers busy · 34 waiting" */
export function appLine(state: AppState): string {
  return `${state.busy} of ${state.workers} workers busy, ${state.queue + state.proxyQueue} waiting`;
}

/** Adding the next spare that the proxy does not send requests to yet; undefined when none is left or no proxy stands before it. */
export function addServer(context: ExplainContext, app: string): Wish | undefined {
  const service = context.stack.service(app, 'uwsgi');
  const { proxy } = appState(context, app);
  if (!service || !proxy) return undefined;
  const inUse = new Set(
    [...context.seen.facts<{ servers: readonly { name: string; address: string }[] }>(proxy).values()]
      .flatMap((facts) => facts.servers ?? [])
      .flatMap((server) => [server.name, server.address]),
  );
  const spare = service.config.spares.find(
    (name) => !inUse.has(name) && !inUse.has(context.stack.hosts.get(name)?.address ?? name),
  );
  return spare
    ? { remediation: 'add-app-server', params: { service: app, server: spare }, effect: 'relief' }
    : undefined;
}
