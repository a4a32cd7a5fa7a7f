import { isIP } from 'node:net';
import type { ServiceOf } from '../config/schema.ts';
import type { Stack, StackService } from '../config/stack.ts';
import { sh } from '../targets/command.ts';
import {
  askHaproxyOnce,
  parseBackendLoad,
  parseServerStates,
  type ServerState,
  serving,
} from '../targets/haproxy-socket.ts';
import type { Goal, PlanContext, Refusal } from './contract.ts';
import { noActing } from './steps/acting.ts';

/** A pool of application servers as one HAProxy sees it. */
export interface Pool {
  readonly host: string;
  readonly algorithm: string;
  readonly servers: readonly (ServerState & { readonly limit: number })[];
}

export interface Proxied {
  readonly app: StackService<ServiceOf<'uwsgi'>>;
  readonly proxy: StackService<ServiceOf<'haproxy'>>;
}

/** The application and the HAProxy that stands directly before it. */
export function proxied(stack: Stack, name: string): Proxied | Refusal {
  const app = stack.service(name, 'uwsgi');
  if (!app) return { refused: `There is no uwsgi service ${name} in the config.` };
  const proxy = stack.of('haproxy').find((one) => stack.below(one.name).includes(name));
  return proxy
    ? { app, proxy }
    : {
        refused: `No haproxy service stands before ${name} in the config.`,
        mend: `Say so there:  before: ${name}`,
      };
}

/** Every HAProxy of the service, by its own admin socket. */
export async function poolsOf(proxy: Proxied['proxy'], context: PlanContext): Promise<Pool[] | Refusal> {
  const pools: Pool[] = [];
  for (const host of proxy.config.on) {
    const acting = context.targets.acting(host);
    if (!acting) return noActing(host);
    const { backend } = proxy.config;
    const socket = proxy.config.adminSocket ?? proxy.config.socket;
    const ask = (command: string) => askHaproxyOnce(acting, socket, command, context.signal);
    const states = parseServerStates(await ask(`show servers state ${backend}`), host).filter(
      (one) => one.backend === backend,
    );
    const { algorithm, servers } = parseBackendLoad(await ask('show stat'), backend, host);
    pools.push({
      host,
      algorithm,
      servers: states.map((state) => ({ ...state, limit: servers.get(state.name)?.limit ?? 0 })),
    });
  }
  return pools;
}

/** HAProxy takes addresses, not names: a host that the config names by DNS is looked up where HAProxy runs. */
export async function addressOf(host: string, at: string, context: PlanContext): Promise<string | Refusal> {
  const written = context.stack.hosts.get(host)?.address ?? host;
  if (isIP(written)) return written;
  const found = await context.targets
    .reading(at)
    .read(sh`getent ahostsv4 ${written}`, { signal: context.signal });
  const [address = ''] = found.stdout.split(/\s/);
  return isIP(address) ? address : { refused: `${written} has no address on ${at}.` };
}

export function latest(
  context: Pick<PlanContext, 'seen'>,
  metric: string,
  target: string,
  instance?: string,
): number | undefined {
  return context.seen.history.latest({ metric, target, ...(instance === undefined ? {} : { instance }) })
    ?.value;
}

/** The server's name in HAProxy says whose it is; the address is what counts. */
export const isServer = (
  server: ServerState,
  names: readonly string[],
  address: string | undefined,
  port: number,
) => names.includes(server.name) || (server.address === address && server.port === port);

export const upIn = (pool: Pool) => pool.servers.filter(serving);

export function entryOf(stack: Stack, fallback: string): string {
  return stack.entry()?.name ?? fallback;
}

export function requestsAt(stack: Stack, fallback: string, value: number) {
  return { metric: 'visitors.requests', target: entryOf(stack, fallback), value };
}

export function p95Goal(
  stack: Stack,
  fallback: string,
): Pick<Goal, 'name' | 'unit' | 'metric' | 'target' | 'direction' | 'enough'> {
  return {
    ...{ name: 'p95 of visitors', unit: 's', metric: 'visitors.p95', target: entryOf(stack, fallback) },
    ...{ direction: 'down', enough: stack.config.launch.p95 },
  };
}

/** HAProxy's algorithms that take servers at run time; the map-based ones refuse. */
const DYNAMIC = ['roundrobin', 'leastconn', 'random'];
export function staticBalance(pools: readonly Pool[]): Refusal | undefined {
  const pool = pools.find((one) => one.algorithm !== '' && !DYNAMIC.includes(one.algorithm));
  return (
    pool && {
      refused: `HAProxy on ${pool.host} balances by ${pool.algorithm}, which takes no servers at run time.`,
      mend: 'Set in its file:  balance roundrobin',
    }
  );
}
