import { z } from 'zod';
import { canonicalHash } from './canonical.ts';
import { defineRemediation, type Plan, type PlanContext, type Refusal, type Step } from './contract.ts';
import {
  addressOf,
  entryOf,
  isServer,
  latest,
  type Pool,
  type Proxied,
  p95Goal,
  poolsOf,
  proxied,
  requestsAt,
  upIn,
} from './pool.ts';
import { isRefusal } from './refusal.ts';
import type { DrainArgs, RemoveArgs } from './steps/haproxy.ts';

const Params = z.strictObject({
  service: z.string(),
  /** A host of the application, or the server's name in HAProxy; without it the spare that was added last. */
  server: z.string().optional(),
});
type Params = z.infer<typeof Params>;

interface Prepared {
  readonly pools: readonly Pool[];
  /** The host whose server goes, and its address. */
  readonly host: string;
  readonly address: string;
  /** host -> address of all hosts that the application may run on. */
  readonly hosts: ReadonlyMap<string, string>;
}

/** The others may be this busy once they share what the one did. */
const ROOM = 0.7;

export const removeAppServer = defineRemediation<Params, Prepared>({
  id: 'remove-app-server',
  summary: 'Gives an application server back: drained until it has no sessions, then taken out',
  params: Params,
  risk: 'medium',
  budget: { runs: 4, perMs: 3_600_000 },
  blockMs: 1_800_000,
  prepare,
  plan,
  precheck: async (params, prepared, context) => {
    const found = proxied(context.stack, params.service);
    if (isRefusal(found)) return [found];
    return [
      ...prepared.pools.map((pool) => lastOne(pool, prepared, found)),
      ...prepared.pools.map((pool) => noRoom(pool, prepared, found, context)),
      waiting(found, context),
    ].filter((one) => one !== undefined);
  },
});

async function prepare(params: Params, context: PlanContext): Promise<Prepared | Refusal> {
  const found = proxied(context.stack, params.service);
  if (isRefusal(found)) return found;
  const pools = await poolsOf(found.proxy, context);
  if (isRefusal(pools)) return pools;
  const [first] = pools;
  if (!first) return { refused: `${found.proxy.name} runs nowhere.` };
  const hosts = new Map<string, string>();
  for (const host of context.stack.hostsOf(params.service, true)) {
    const address = await addressOf(host, first.host, context);
    if (isRefusal(address)) return address;
    hosts.set(host, address);
  }
  const { port, spares } = found.app.config;
  const inPool = (host: string) => first.servers.find((one) => isServer(one, [host], hosts.get(host), port));
  const host =
    params.server === undefined
      ? spares.findLast((spare) => inPool(spare) !== undefined)
      : [...hosts.keys()].find((one) => one === params.server || inPool(one)?.name === params.server);
  const address = host === undefined ? undefined : hosts.get(host);
  if (host === undefined || address === undefined)
    return {
      refused:
        params.server === undefined
          ? `No spare of ${params.service} is in the pool.`
          : `${params.server} is no server of ${params.service}.`,
    };
  if (!inPool(host)) return { refused: `${host} is not in the pool.` };
  return { pools, host, address, hosts };
}

function serverIn(pool: Pool, prepared: Prepared, port: number) {
  return pool.servers.find((one) => isServer(one, [prepared.host], prepared.address, port));
}

function lastOne(pool: Pool, prepared: Prepared, { app }: Proxied): Refusal | undefined {
  const server = serverIn(pool, prepared, app.config.port);
  const others = upIn(pool).filter((one) => one.name !== server?.name);
  return others.length > 0
    ? undefined
    : {
        refused: `${prepared.host} is the last server of ${app.name} that HAProxy on ${pool.host} finds healthy.`,
      };
}

/** HAProxy alone is not believed: the others' own workers must say that they have room, each of them. */
function noRoom(pool: Pool, prepared: Prepared, { app }: Proxied, context: PlanContext): Refusal | undefined {
  const server = serverIn(pool, prepared, app.config.port);
  const others = upIn(pool).filter((one) => one.name !== server?.name);
  const own = busyOf(app.name, prepared.host, context);
  let busy = own?.busy ?? 0;
  let workers = 0;
  for (const other of others) {
    const host = [...prepared.hosts].find(([name, address]) =>
      isServer(other, [name], address, app.config.port),
    )?.[0];
    const seen = host === undefined ? undefined : busyOf(app.name, host, context);
    if (!seen)
      return {
        refused: `The workers of ${host ?? other.name} cannot be seen, so it is not known whether the others have room.`,
      };
    busy += seen.busy;
    workers += seen.workers;
  }
  if (!own && others.length > 0 && (server?.operation ?? 0) === 2)
    return {
      refused: `The workers of ${prepared.host} cannot be seen, so it is not known what the others would take over.`,
    };
  if (workers > 0 && busy / workers <= ROOM) return undefined;
  return {
    refused: `The others would have no room: ${busy.toFixed(1)} busy workers of ${workers} without ${prepared.host} (${ROOM * 100} % at most).`,
  };
}

function busyOf(app: string, host: string, context: PlanContext) {
  const workers = latest(context, 'uwsgi.workers', app, host);
  const busy = latest(context, 'uwsgi.busy_workers', app, host);
  if (workers === undefined || busy === undefined) return undefined;
  return { workers, busy: Math.max(busy, latest(context, 'uwsgi.busy_seconds', app, host) ?? 0) };
}

function waiting({ proxy }: Proxied, context: PlanContext): Refusal | undefined {
  const queue = latest(context, 'haproxy.queue', proxy.name) ?? 0;
  if (queue > 0) return { refused: `${queue} requests wait in HAProxy: no server can be spared now.` };
  const { p95 } = context.stack.config.launch;
  const seen = latest(context, 'visitors.p95', entryOf(context.stack, proxy.name));
  return seen !== undefined && seen > p95
    ? {
        refused: `Visitors wait ${seen.toFixed(2)} s (p95), over the limit of ${p95} s: no server can be spared now.`,
      }
    : undefined;
}

function plan(params: Params, prepared: Prepared, context: Pick<PlanContext, 'stack'>): Plan | Refusal {
  const found = proxied(context.stack, params.service);
  if (isRefusal(found)) return found;
  const { app, proxy } = found;
  const steps: { drain: Step; remove: Step }[] = [];
  for (const pool of prepared.pools) {
    const server = serverIn(pool, prepared, app.config.port);
    if (!server) continue;
    const names = { service: proxy.name, backend: proxy.config.backend, server: server.name };
    const drain: DrainArgs = names;
    const remove: RemoveArgs = {
      ...{ ...names, address: server.address, port: server.port },
      ...{ weight: Math.max(1, server.weight), maxconn: server.limit, delete: server.name.startsWith('wr_') },
    };
    steps.push({
      drain: { type: 'haproxy.drain', version: 1, target: pool.host, args: { ...drain } },
      remove: { type: 'haproxy.remove', version: 1, target: pool.host, args: { ...remove } },
    });
  }
  const entry = entryOf(context.stack, proxy.name);
  return {
    title: `Give ${prepared.host} back`,
    effect: 'give-back',
    risk: 'medium',
    steps: [...steps.map((one) => one.drain), ...steps.map((one) => one.remove)],
    replaces: canonicalHash(
      prepared.pools.map((pool) => [pool.host, serverIn(pool, prepared, app.config.port)?.name ?? '']),
    ),
    expects: 'Visitors notice nothing: no more errors than before, and p95 stays under its limit.',
    undo: `${prepared.host} gets requests again; by itself when errors rise or p95 goes over its limit.`,
    verify: {
      ...{
        mode: 'all',
        settleMs: 5_000,
        windowMs: 25_000,
        minimumTraffic: requestsAt(context.stack, proxy.name, 1),
      },
      goals: [
        {
          name: 'errors of visitors',
          unit: 'share',
          metric: 'visitors.error_share',
          target: entry,
          direction: 'down',
          minimumGain: 0,
          notWorseBy: 0.002,
        },
        { ...p95Goal(context.stack, proxy.name), minimumGain: 0, notWorseBy: 0 },
      ],
    },
    target: proxy.name,
  };
}
