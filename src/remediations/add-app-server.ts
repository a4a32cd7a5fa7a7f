import { z } from 'zod';
import { type DatabaseRoom, databasesBehind } from '../checks/stack/capacity.ts';
import { httpGet } from '../targets/http-get.ts';
import { canonicalHash } from './canonical.ts';
import { defineRemediation, type Plan, type PlanContext, type Refusal, type Step } from './contract.ts';
import {
  addressOf,
  isServer,
  latest,
  type Pool,
  p95Goal,
  poolsOf,
  proxied,
  requestsAt,
  staticBalance,
} from './pool.ts';
import { isRefusal } from './refusal.ts';
import type { ServerArgs } from './steps/haproxy.ts';
import type { HealthyArgs } from './steps/http.ts';

const Params = z.strictObject({
  /** The application, as the config names it. */
  service: z.string(),
  /** One of its spares; without it the first that HAProxy does not send requests to. */
  server: z.string().optional(),
});
type Params = z.infer<typeof Params>;

interface Prepared {
  readonly server: string;
  readonly address: string;
  readonly pools: readonly Pool[];
  readonly health: { readonly host: string; readonly status: number; readonly problem: string | undefined }[];
  readonly databases: readonly DatabaseRoom[];
}

const BUSY = 0.7;

export const addAppServer = defineRemediation<Params, Prepared>({
  id: 'add-app-server',
  summary: 'Adds a spare to the pool of application servers, healthy first and warmed slowly',
  params: Params,
  risk: 'low',
  budget: { runs: 4, perMs: 3_600_000 },
  blockMs: 1_800_000,
  prepare,
  plan,
  precheck: async (params, prepared, context) => {
    const sick = prepared.health.find((one) => one.status !== 200);
    return [
      sick && {
        refused: `${prepared.server} does not answer ${sick.host} with 200, but with ${sick.problem ?? sick.status}.`,
        mend: `Start the application on ${prepared.server} first.`,
      },
      staticBalance(prepared.pools),
      notTheBottleneck(params, context),
      noRoomBehind(params, prepared, context),
    ].filter((one) => one !== undefined);
  },
});

async function prepare(params: Params, context: PlanContext): Promise<Prepared | Refusal> {
  const found = proxied(context.stack, params.service);
  if (isRefusal(found)) return found;
  const { app, proxy } = found;
  const pools = await poolsOf(proxy, context);
  if (isRefusal(pools)) return pools;
  const [first] = pools;
  if (!first) return { refused: `${proxy.name} runs nowhere.` };
  const spares = params.server === undefined ? app.config.spares : [params.server];
  if (params.server !== undefined && !app.config.spares.includes(params.server))
    return {
      refused: `${params.server} is not a spare of ${app.name}.`,
      mend: `Name it in the config:  spares: [${params.server}]`,
    };
  for (const server of spares) {
    const address = await addressOf(server, first.host, context);
    if (isRefusal(address)) return address;
    const used = pools.some((pool) =>
      pool.servers.some((one) => isServer(one, [server], address, app.config.port)),
    );
    if (used) continue;
    const health = await Promise.all(
      pools.map((pool) => healthFrom(pool.host, address, app.config, context)),
    );
    const databases = databasesBehind(app.name, context.stack, context.seen.history);
    return { server, address, pools, health, databases };
  }
  return {
    refused:
      spares.length === 0
        ? `${app.name} has no spares in the config.`
        : `${spares.join(', ')} ${spares.length === 1 ? 'is' : 'are'} in the pool already.`,
  };
}

async function healthFrom(
  host: string,
  address: string,
  app: { port: number; health: string },
  context: PlanContext,
) {
  try {
    const { status } = await httpGet(
      context.targets.reading(host),
      { host: address, port: app.port },
      { path: app.health, host: siteHost(context), signal: context.signal },
    );
    return { host, status, problem: undefined };
  } catch (thrown) {
    return { host, status: 0, problem: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

function siteHost(context: Pick<PlanContext, 'stack'>): string {
  const entry = context.stack.entry();
  const url = entry?.config.kind === 'varnish' ? new URL(entry.config.url).host : undefined;
  return url ?? context.stack.config.sites[0] ?? 'localhost';
}

/** More servers help where workers are what is missing; elsewhere they only add load to what is behind them. */
function notTheBottleneck(params: Params, context: PlanContext): Refusal | undefined {
  const found = proxied(context.stack, params.service);
  if (isRefusal(found)) return found;
  const workers = latest(context, 'uwsgi.workers', params.service);
  const busy = latest(context, 'uwsgi.busy_workers', params.service);
  const seconds = latest(context, 'uwsgi.busy_seconds', params.service) ?? 0;
  if (workers === undefined || busy === undefined || workers === 0)
    return {
      refused: `The workers of ${params.service} cannot be seen, so it is not known whether they are what is missing.`,
    };
  const waiting =
    (latest(context, 'uwsgi.listen_queue', params.service) ?? 0) +
    (latest(context, 'haproxy.queue', found.proxy.name) ?? 0);
  if (waiting > 0 || Math.max(busy, seconds) / workers >= BUSY) return undefined;
  return {
    refused: `${params.service} is not what is slow: ${busy} of ${workers} workers are busy and nothing waits for them.`,
  };
}

/** Each worker of another server holds a connection of its own, unless a pooler shares them. */
function noRoomBehind(params: Params, { databases }: Prepared, context: PlanContext): Refusal | undefined {
  const kindOf = (name: string) => context.stack.services.get(name)?.kind ?? 'postgres';
  const inUse = context.seen.facts(params.service).size;
  const each = Math.ceil((latest(context, 'uwsgi.workers', params.service) ?? 0) / Math.max(1, inUse));
  for (const { service, pooled, connections } of databases) {
    if (pooled || !connections || connections.used + each <= connections.most) continue;
    return {
      refused: `${service} has ${connections.used} of ${connections.most} connections in use: the ${each} workers of another server would find no room there.`,
      mend: `/launch ${kindOf(service)} shows who holds them; or put a pooler between.`,
    };
  }
  return undefined;
}

function roomText(databases: readonly DatabaseRoom[]): string {
  const said = databases.map(({ service, pooled, connections }) => {
    if (pooled) return `${service} (through its pooler)`;
    return connections
      ? `${service} (${connections.used} of ${connections.most} in use)`
      : `${service} (how many are free is not known)`;
  });
  return said.length > 0 ? ` Its workers open more connections to ${said.join(', ')}.` : '';
}

function plan(
  params: Params,
  prepared: Prepared,
  context: Pick<PlanContext, 'stack' | 'proposalId'>,
): Plan | Refusal {
  const found = proxied(context.stack, params.service);
  if (isRefusal(found)) return found;
  const { app, proxy } = found;
  const { backend } = proxy.config;
  const name = `wr_${context.proposalId.toLowerCase().replace(/[^a-z0-9]/g, '')}_${prepared.server}`;
  const health: HealthyArgs = {
    address: prepared.address,
    port: app.config.port,
    path: app.config.health,
    host: siteHost(context),
  };
  const steps = prepared.pools.map((pool): { ask: Step; add: Step } => {
    // As the neighbours have them; the smallest where they differ.
    const args: ServerArgs = {
      ...{ service: proxy.name, backend, server: name, address: prepared.address, port: app.config.port },
      weight: Math.max(1, smallest(pool.servers.map((one) => one.weight)) ?? 1),
      maxconn: smallest(pool.servers.map((one) => one.limit)) ?? 0,
    };
    return {
      ask: { type: 'http.healthy', version: 1, target: pool.host, args: { ...health } },
      add: { type: 'haproxy.add-server', version: 1, target: pool.host, args: { ...args } },
    };
  });
  const line = `server ${prepared.server} ${prepared.address}:${app.config.port} check`;
  return {
    title: `Add ${prepared.server} to ${app.name}`,
    effect: 'relief',
    risk: 'low',
    steps: [...steps.map((one) => one.ask), ...steps.map((one) => one.add)],
    replaces: canonicalHash(prepared.pools.map((pool) => [pool.host, pool.algorithm, name])),
    expects: `More requests done, a shorter queue, or p95 at least 20 % lower or under ${context.stack.config.launch.p95} s.${roomText(prepared.databases)} Lost when HAProxy reloads.`,
    undo: `${name} is drained and deleted; by itself when nothing is better within 40 s.`,
    verify: {
      ...{
        mode: 'any',
        settleMs: 8_000,
        windowMs: 25_000,
        minimumTraffic: requestsAt(context.stack, proxy.name, 1),
      },
      goals: [
        {
          name: `requests that ${app.name} does`,
          unit: '/s',
          metric: 'uwsgi.requests',
          target: app.name,
          direction: 'up',
          minimumGain: 0.1,
        },
        {
          name: 'queue in HAProxy',
          unit: 'count',
          metric: 'haproxy.queue',
          target: proxy.name,
          direction: 'down',
          minimumGain: 0.3,
        },
        { ...p95Goal(context.stack, proxy.name), minimumGain: 0.2 },
      ],
    },
    patch: { file: proxy.config.file, text: `# in backend ${backend}:\n${line}` },
    target: proxy.name,
  };
}

function smallest(values: readonly number[]): number | undefined {
  const set = values.filter((value) => value > 0);
  return set.length === 0 ? undefined : Math.min(...set);
}
