import type { Config, Service, ServiceOf } from './schema.ts';

/** A host of the stack. `local` is the machine that Warroom runs on. */
export interface Host {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly local: boolean;
  /**
   * True where load average, memory and pressure are those of a kernel shared with other hosts of the
   * config; only one host of such a group carries them (`sharedKernel: true` on the rest).
   */
  readonly sharedKernel: boolean;
}

/** A service with its name; `config` is what the file says of it, defaults filled. */
export interface StackService<S extends Service = Service> {
  readonly name: string;
  readonly kind: S['kind'];
  readonly config: S;
}

/** "cache1:11211" -> "cache1". */
export function hostPart(address: string): string {
  return address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
}

/** What is watched: hosts, services and the edges between them. Built once from the config, never changed. */
export class Stack {
  readonly hosts: ReadonlyMap<string, Host>;
  readonly services: ReadonlyMap<string, StackService>;

  constructor(readonly config: Config) {
    this.hosts = new Map(
      Object.entries(config.hosts).map(([name, host]) => [
        name,
        {
          name,
          address: 'address' in host ? host.address : '127.0.0.1',
          port: ('port' in host ? host.port : undefined) ?? config.ssh?.port ?? 22,
          local: 'local' in host,
          sharedKernel: host.sharedKernel ?? false,
        },
      ]),
    );
    this.services = new Map(
      Object.entries(config.services).map(([name, service]) => [
        name,
        { name, kind: service.kind, config: service },
      ]),
    );
  }

  of<K extends Service['kind']>(kind: K): StackService<ServiceOf<K>>[] {
    return [...this.services.values()].filter((service) => service.kind === kind) as StackService<
      ServiceOf<K>
    >[];
  }

  /** The service of that name and kind; undefined when there is none or it is of another kind. */
  service<K extends Service['kind']>(name: string, kind: K): StackService<ServiceOf<K>> | undefined {
    const found = this.services.get(name);
    return found?.kind === kind ? (found as StackService<ServiceOf<K>>) : undefined;
  }

  /** Names that the service directly depends on: what it stands before, and what it uses. */
  below(name: string): string[] {
    const service = this.services.get(name)?.config;
    if (!service) return [];
    return [...(service.before ? [service.before] : []), ...service.uses].filter((other) =>
      this.services.has(other),
    );
  }

  /** Names of services that directly depend on this one. */
  above(name: string): string[] {
    return [...this.services.keys()].filter((other) => this.below(other).includes(name));
  }

  /** Hosts of the config that a service runs on; its spares too when asked. */
  hostsOf(name: string, withSpares = false): string[] {
    const service = this.services.get(name)?.config;
    if (!service) return [];
    switch (service.kind) {
      case 'uwsgi':
      case 'celery':
        return [...service.on, ...(withSpares ? service.spares : [])];
      case 'memcached':
        return [...new Set(service.servers.map(hostPart))].filter((host) => this.hosts.has(host));
      case 'postgres':
      case 'mysql':
        return [
          ...new Set([
            ...service.on,
            ...Object.keys(service.replicas).filter((host) => this.hosts.has(host)),
          ]),
        ];
      default:
        return [...service.on];
    }
  }

  /** Services that run on a host (spares not counted). */
  servicesOn(host: string): string[] {
    return [...this.services.keys()].filter((name) => this.hostsOf(name).includes(host));
  }

  /**
   * The connected part of a service or host: every service and host that an edge or a shared host links to it,
   * itself included. Locks and the joining of incidents go by it.
   */
  connected(start: string): ReadonlySet<string> {
    const seen = new Set<string>();
    const queue = [start];
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      if (seen.has(next)) continue;
      seen.add(next);
      queue.push(
        ...this.below(next),
        ...this.above(next),
        ...this.hostsOf(next, true),
        ...this.servicesOn(next),
      );
    }
    return seen;
  }

  /** The service that visitors meet first: a varnish, else a haproxy, else a uwsgi, with nothing above it. */
  entry(): StackService | undefined {
    const roots = [...this.services.values()].filter((service) => this.above(service.name).length === 0);
    for (const kind of ['varnish', 'haproxy', 'uwsgi'] as const) {
      const found = roots.find((service) => service.kind === kind);
      if (found) return found;
    }
    return undefined;
  }
}
