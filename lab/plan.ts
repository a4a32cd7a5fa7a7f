import { CPU_CORES } from './limits.ts';

export type Role = 'varnish' | 'haproxy' | 'uwsgi' | 'postgres' | 'client';

export interface PlannedHost {
  readonly name: string;
  readonly role: Role;
  /** Last byte of its address in 10.77.N.0/24. */
  readonly last: number;
  readonly cores: number;
  readonly spare?: true;
}

/** Every host of the lab; addresses and roles in one place. */
export const HOSTS: readonly PlannedHost[] = [
  { name: 'web1', role: 'varnish', last: 11, cores: CPU_CORES.web1 },
  { name: 'lb1', role: 'haproxy', last: 12, cores: CPU_CORES.lb1 },
  { name: 'app1', role: 'uwsgi', last: 21, cores: CPU_CORES.app },
  { name: 'app2', role: 'uwsgi', last: 22, cores: CPU_CORES.app },
  { name: 'app3', role: 'uwsgi', last: 23, cores: CPU_CORES.app },
  { name: 'app4', role: 'uwsgi', last: 24, cores: CPU_CORES.app, spare: true },
  { name: 'app5', role: 'uwsgi', last: 25, cores: CPU_CORES.app, spare: true },
  { name: 'db1', role: 'postgres', last: 51, cores: CPU_CORES.db1 },
  { name: 'client1', role: 'client', last: 90, cores: CPU_CORES.client1 },
];

export const SITE = 'www.example.com';

export function address(number: number, last: number): string {
  return `10.77.${number}.${last}`;
}

export function addressOf(number: number, host: string): string {
  return address(number, hostOf(host).last);
}

export function hostOf(name: string): PlannedHost {
  const found = HOSTS.find((one) => one.name === name);
  if (!found)
    throw new RangeError(`The lab has no host ${name}; it has ${HOSTS.map((one) => one.name).join(', ')}.`);
  return found;
}

export function coresOf(host: string): number {
  return hostOf(host).cores;
}

/** Name of the host's network namespace and CPU group on the machine. */
export function namespace(number: number, host: string): string {
  return `wr${number}-${host}`;
}
