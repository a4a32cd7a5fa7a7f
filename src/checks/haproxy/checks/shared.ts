import type { Evidence, InstanceView } from '../../contract.ts';
import type { HaproxyFacts, ServerRow } from '../facts.ts';

export type Instances = readonly InstanceView<HaproxyFacts>[];

export function servers(instances: Instances): ServerRow[] {
  return instances.flatMap((one) => one.facts.servers ?? []);
}

export function sum(instances: Instances, metric: string): number | undefined {
  const values = instances.flatMap((one) => one.value(metric) ?? []);
  return values.length > 0 ? values.reduce((all, value) => all + value, 0) : undefined;
}

export function serverTable(instances: Instances): Evidence {
  return {
    kind: 'table',
    title: 'Servers',
    columns: [
      { name: 'server' },
      { name: 'status' },
      { name: 'for', unit: 's' },
      { name: 'check' },
      { name: 'current' },
      { name: 'limit' },
      { name: 'waiting' },
      { name: 'weight' },
    ],
    rows: servers(instances).map((server) => [
      server.name,
      server.status,
      server.sinceSeconds,
      server.checkStatus,
      server.current,
      server.limit ?? null,
      server.queue,
      server.weight,
    ]),
  };
}

export function frontendTable(instances: Instances): Evidence {
  return {
    kind: 'table',
    title: 'Frontends',
    columns: [
      { name: 'frontend' },
      { name: 'status' },
      { name: 'current' },
      { name: 'most so far' },
      { name: 'limit' },
      { name: 'bad requests' },
      { name: 'denied' },
    ],
    rows: instances
      .flatMap((one) => one.facts.frontends ?? [])
      .slice(0, 12)
      .map((row) => [
        row.name,
        row.status,
        row.current,
        row.most,
        row.limit ?? null,
        row.badRequests,
        row.denied,
      ]),
  };
}
