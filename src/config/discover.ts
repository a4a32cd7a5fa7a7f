import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename } from 'node:path';
import { Config } from './schema.ts';

/** A process as discovery needs it. */
export interface SeenProcess {
  readonly name: string;
  readonly argv: readonly string[];
}

export interface Discovery {
  readonly config: Config;
  /** One sentence for each thing found or not understood. */
  readonly notes: readonly string[];
}

/** Servers by the name of their daemon, where they listen unless told otherwise. What right is missing is said at the first look. */
const SERVERS: Readonly<Record<string, (host: string) => object>> = {
  postgres: (on) => ({ kind: 'postgres', on, primary: 'postgres://warroom@127.0.0.1:5432/postgres' }),
  mariadbd: (on) => ({ kind: 'mysql', on, primary: 'mysql://warroom@127.0.0.1:3306/' }),
  mysqld: (on) => ({ kind: 'mysql', on, primary: 'mysql://warroom@127.0.0.1:3306/' }),
  memcached: () => ({ kind: 'memcached', servers: ['127.0.0.1:11211'] }),
  pgbouncer: (on) => ({ kind: 'pgbouncer', on, admin: 'postgres://warroom@127.0.0.1:6432/pgbouncer' }),
};

/**
 * A config for this machine alone: what runs here that Warroom can watch. `readFile` gives a daemon's own config
 * file where its arguments name one; undefined when it may not be read.
 */
export function discoverFrom(
  processes: readonly SeenProcess[],
  machine: string,
  readFile: (path: string) => string | undefined,
): Discovery {
  const host = machine.replace(/[^A-Za-z0-9_.-]/g, '-').replace(/^[^A-Za-z0-9]+/, '') || 'this-machine';
  const services: Record<string, unknown> = {};
  const notes: string[] = [];
  const varnishd = processes.find(
    (process) => process.name === 'varnishd' && argument(process.argv, '-a') !== undefined,
  );
  const haproxy = processes.find((process) => process.name === 'haproxy');
  const uwsgi = processes.find((process) => process.name.startsWith('uwsgi'));
  if (uwsgi) {
    const ini = argument(uwsgi.argv, '--ini') ?? uwsgi.argv.find((word) => word.endsWith('.ini'));
    const text = ini ? (readFile(ini) ?? '') : '';
    const stats = optionOf(uwsgi.argv, text, 'stats');
    const listens =
      optionOf(uwsgi.argv, text, 'http-socket') ??
      optionOf(uwsgi.argv, text, 'socket') ??
      optionOf(uwsgi.argv, text, 'http');
    const fifo = optionOf(uwsgi.argv, text, 'master-fifo');
    services['app'] = {
      kind: 'uwsgi',
      on: host,
      port: portOf(listens) ?? 8000,
      stats: loopback(stats) ?? '127.0.0.1:9191',
      ...(fifo ? { fifo } : {}),
    };
    notes.push(
      stats
        ? `uwsgi: its statistics are at ${stats}.`
        : 'uwsgi: no --stats found in its arguments; 127.0.0.1:9191 is tried.',
    );
  }
  if (haproxy) {
    const file = argument(haproxy.argv, '-f') ?? '/etc/haproxy/haproxy.cfg';
    const text = readFile(file) ?? '';
    const socket = /^\s*stats\s+socket\s+(?:unix@)?(\/\S+)/m.exec(text)?.[1];
    const backend = /^\s*(?:backend|listen)\s+(\S+)/m.exec(text)?.[1];
    services['balancer'] = {
      kind: 'haproxy',
      on: host,
      file,
      backend: backend ?? 'default',
      ...(socket ? { socket } : {}),
      ...(services['app'] ? { before: 'app' } : {}),
    };
    notes.push(
      text === ''
        ? `haproxy: ${file} may not be read; name its socket and backend in a config.`
        : `haproxy: backend ${backend ?? 'unknown'}, socket ${socket ?? 'not set in its file'}.`,
    );
  }
  if (varnishd) {
    const listens = argument(varnishd.argv, '-a') ?? ':6081';
    const name = argument(varnishd.argv, '-n');
    const next = services['balancer'] ? 'balancer' : services['app'] ? 'app' : undefined;
    services['edge'] = {
      kind: 'varnish',
      on: host,
      url: `http://localhost:${portOf(listens) ?? 6081}`,
      address: `127.0.0.1:${portOf(listens) ?? 6081}`,
      cli: loopback(argument(varnishd.argv, '-T')) ?? '127.0.0.1:6082',
      ...(argument(varnishd.argv, '-S') ? { secret: argument(varnishd.argv, '-S') } : {}),
      ...(name ? { instance: name } : {}),
      ...(next ? { before: next } : {}),
    };
    notes.push(`varnish: listens on ${listens}.`);
  }
  for (const name of new Set(processes.map((process) => process.name))) {
    const service = SERVERS[name]?.(host);
    if (!service) continue;
    services[name] = service;
    notes.push(`${name}: its usual port is tried, as the user "warroom" without a password.`);
  }
  if (processes.some((process) => process.argv.some((word) => /(^|\/)celery$/.test(word))))
    notes.push('celery: runs here; name its broker in a config and it is watched.');
  return {
    config: Config.parse({ launch: { name: host }, hosts: { [host]: { local: true } }, services }),
    notes,
  };
}

/** Discovery on this machine, from /proc. */
export function discover(): Discovery {
  const found = discoverFrom(processesHere(), hostname(), (path) => readOr(path));
  const marks = ['/.dockerenv', '/run/.containerenv'].some((mark) => existsSync(mark));
  return seesMachine(marks, readOr('/proc/2/comm')) ? found : asContainer(found);
}

/** The kernel's own threads are seen on a machine, and in a container that shares its processes. */
export function seesMachine(inContainer: boolean, second: string | undefined): boolean {
  return !inContainer || second?.trim() === 'kthreadd';
}

/** Figures of a container must not pass for those of the machine. */
export function asContainer({ config, notes }: Discovery): Discovery {
  const { launch } = config;
  return {
    config: { ...config, launch: { ...launch, name: `${launch.name} (watching a container)` } },
    notes: [
      ...notes,
      'Watching a container: processes, memory and load of the machine are seen with --pid=host, or over SSH with a config.',
    ],
  };
}

function processesHere(): SeenProcess[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((pid) => {
      const argv = readOr(`/proc/${pid}/cmdline`)?.split('\0').filter(Boolean) ?? [];
      const name = readOr(`/proc/${pid}/comm`)?.trim();
      return name && argv.length > 0
        ? [{ name: name.startsWith('cache-main') ? 'varnishd' : name || basename(argv[0] as string), argv }]
        : [];
    });
}

function readOr(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // A process that ended meanwhile, or a file of another user: not found is an answer here.
    return undefined;
  }
}

/** `-a X`, `-aX` or `--name=X`. */
function argument(argv: readonly string[], flag: string): string | undefined {
  const at = argv.indexOf(flag);
  if (at >= 0) return argv[at + 1];
  const long = argv.find((word) => word.startsWith(`${flag}=`));
  return long?.slice(flag.length + 1);
}

function optionOf(argv: readonly string[], ini: string, name: string): string | undefined {
  return argument(argv, `--${name}`) ?? new RegExp(`^\\s*${name}\\s*=\\s*(\\S+)`, 'm').exec(ini)?.[1];
}

function portOf(address: string | undefined): number | undefined {
  const port = /:(\d+)/.exec(address ?? '')?.[1] ?? /^(\d+)$/.exec(address ?? '')?.[1];
  return port ? Number(port) : undefined;
}

/** ":9191" and "0.0.0.0:9191" are asked on loopback; a unix path stays. */
function loopback(address: string | undefined): string | undefined {
  if (!address || address.startsWith('/')) return address;
  const port = portOf(address);
  return port ? `127.0.0.1:${port}` : undefined;
}
