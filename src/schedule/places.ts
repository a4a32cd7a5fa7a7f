import type { Place, System } from '../checks/contract.ts';
import type { Stack } from '../config/stack.ts';

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
    .flatMap((service) => {
      const spares = stack.hostsOf(service.name, true).filter((name) => inUse.get(service.name)?.has(name));
      return [...new Set([...stack.hostsOf(service.name), ...spares])].flatMap((name) => {
        const host = stack.hosts.get(name);
        return host
          ? [{ system: system.id, target: service.name, instance: name, host, service, stack }]
          : [];
      });
    });
}
