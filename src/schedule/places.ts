import type { Place, PlaceServer, System } from '../checks/contract.ts';
import type { ServerSource } from '../config/schema.ts';
import { hostPart, type Stack, type StackService } from '../config/stack.ts';

/** All places where a system's collectors run. `inUse` are spares that a proxy sends requests to at the moment. */
export function placesOf(
  system: System,
  stack: Stack,
  inUse: ReadonlyMap<string, ReadonlySet<string>>,
): Place[] {
  if (system.watches === 'host') {
    return [...stack.hosts.values()].map((host) => ({
      system: system.id,
      target: host.name,
      instance: host.name,
      host,
      stack,
    }));
  }
  return [...stack.services.values()]
    .filter((service) => service.kind === system.watches)
    .flatMap((service) =>
      instancesOf(service, stack, inUse.get(service.name) ?? new Set()).map(({ instance, host, server }) => ({
        system: system.id,
        target: service.name,
        instance,
        host: stack.hosts.get(host),
        service,
        ...(server ? { server } : {}),
        stack,
      })),
    );
}

interface Instance {
  readonly instance: string;
  /** A host of the config, or a name that is none: then it is reached from this machine. */
  readonly host: string;
  readonly server?: PlaceServer;
}

function instancesOf(service: StackService, stack: Stack, inUse: ReadonlySet<string>): Instance[] {
  const { config, name } = service;
  switch (config.kind) {
    case 'postgres':
    case 'mysql': {
      const primary = config.on[0] ?? 'primary';
      return [
        at(primary, { source: config.primary, role: 'primary' }),
        ...Object.entries(config.replicas).map(([replica, source]) =>
          at(replica, { source, role: 'replica' }),
        ),
      ];
    }
    case 'pgbouncer':
      // Each pooler has a console of its own, at the same address as its host sees it.
      return (config.on.length > 0 ? config.on : [name]).map((host) => at(host, only(config.admin)));
    case 'celery':
      // One broker for all workers, reached from where they are.
      return [at(config.on[0] ?? 'broker', only(config.broker))];
    case 'memcached': {
      const hosts = config.servers.map(hostPart);
      return config.servers.map((address, i) => {
        const host = hosts[i] as string;
        const alone = hosts.filter((other) => other === host).length === 1;
        // The host's own address: its name may be that of its loopback in its own eyes.
        const seen = stack.hosts.get(host)?.address ?? host;
        return {
          instance: alone && stack.hosts.has(host) ? host : address,
          host,
          server: only(
            `memcached://${seen.includes(':') ? `[${seen}]` : seen}:${address.slice(address.lastIndexOf(':') + 1)}`,
          ),
        };
      });
    }
    default: {
      const spares = stack.hostsOf(name, true).filter((host) => inUse.has(host));
      return [...new Set([...stack.hostsOf(name), ...spares])]
        .filter((host) => stack.hosts.has(host))
        .map((host) => at(host));
    }
  }
}

function at(host: string, server?: PlaceServer): Instance {
  return { instance: host, host, ...(server ? { server } : {}) };
}

function only(source: ServerSource): PlaceServer {
  return { source, role: 'only' };
}
