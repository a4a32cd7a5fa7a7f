import { CPU_CORES } from './limits.ts';

/** What of the stack may be up without the rest. */
export const PARTS = ['web', 'postgres', 'mysql', 'cache', 'tasks'] as const;
export type Part = (typeof PARTS)[number];

export type Role =
  | 'varnish'
  | 'haproxy'
  | 'uwsgi'
  | 'postgres'
  | 'mysql'
  | 'memcached'
  | 'broker'
  | 'celery'
  | 'client';

export interface PlannedHost {
  readonly name: string;
  readonly role: Role;
  /** Last byte of its address in 10.77.N.0/24. */
  readonly last: number;
  readonly cores: number;
  /** It is up when any of these is. */
  readonly parts: readonly Part[];
  readonly spare?: true;
}

/** Every host of the lab; addresses and roles in one place. */
export const HOSTS: readonly PlannedHost[] = [
  { name: 'web1', role: 'varnish', last: 11, cores: CPU_CORES.web1, parts: ['web'] },
  { name: 'lb1', role: 'haproxy', last: 12, cores: CPU_CORES.lb1, parts: ['web'] },
  { name: 'app1', role: 'uwsgi', last: 21, cores: CPU_CORES.app, parts: ['web'] },
  { name: 'app2', role: 'uwsgi', last: 22, cores: CPU_CORES.app, parts: ['web'] },
  { name: 'app3', role: 'uwsgi', last: 23, cores: CPU_CORES.app, parts: ['web'] },
  { name: 'app4', role: 'uwsgi', last: 24, cores: CPU_CORES.app, parts: ['web'], spare: true },
  { name: 'app5', role: 'uwsgi', last: 25, cores: CPU_CORES.app, parts: ['web'], spare: true },
  { name: 'worker1', role: 'celery', last: 31, cores: CPU_CORES.worker, parts: ['tasks'] },
  { name: 'worker2', role: 'celery', last: 32, cores: CPU_CORES.worker, parts: ['tasks'], spare: true },
  { name: 'cache1', role: 'memcached', last: 41, cores: CPU_CORES.cache, parts: ['cache'] },
  { name: 'cache2', role: 'memcached', last: 42, cores: CPU_CORES.cache, parts: ['cache'] },
  { name: 'queue1', role: 'broker', last: 43, cores: CPU_CORES.queue1, parts: ['tasks'] },
  { name: 'db1', role: 'postgres', last: 51, cores: CPU_CORES.db1, parts: ['web', 'postgres'] },
  { name: 'db2', role: 'postgres', last: 52, cores: CPU_CORES.db2, parts: ['postgres'] },
  { name: 'my1', role: 'mysql', last: 53, cores: CPU_CORES.my1, parts: ['mysql'] },
  { name: 'my2', role: 'mysql', last: 54, cores: CPU_CORES.my2, parts: ['mysql'] },
  { name: 'client1', role: 'client', last: 90, cores: CPU_CORES.client1, parts: ['web'] },
  { name: 'client2', role: 'client', last: 91, cores: CPU_CORES.client2, parts: ['postgres', 'mysql'] },
];

export const SITE = 'www.example.com';

/** "web,mysql" -> its parts, in the plan's order. */
export function partsOf(text: string): Part[] {
  const words = text.split(',').map((word) => word.trim());
  const wrong = words.find((word) => !PARTS.some((part) => part === word));
  if (wrong !== undefined)
    throw new RangeError(`The lab has no part "${wrong}"; its parts are ${PARTS.join(', ')}.`);
  return PARTS.filter((part) => words.includes(part));
}

/** What belongs to parts that are up. */
export function inParts<T extends { readonly parts: readonly Part[] }>(
  all: readonly T[],
  parts: readonly Part[],
): T[] {
  return all.filter((one) => one.parts.some((part) => parts.includes(part)));
}

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
