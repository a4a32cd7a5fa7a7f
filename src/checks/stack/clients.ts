import { isIP } from 'node:net';
import { z } from 'zod';
import type { ServiceOf } from '../../config/schema.ts';
import type { Stack, StackService } from '../../config/stack.ts';
import { figure } from '../../message/figures.ts';
import type { ClientUse, DatabaseFacts, DatabaseUse } from '../clients.ts';
import { defineCheck, type Evidence, type Verdict } from '../contract.ts';
import { grade } from '../judging.ts';
import { share } from '../rate.ts';

const Clients = z.object({
  warn: z
    .number()
    .min(0)
    .max(1)
    .default(0.25)
    .describe(
      'Share of database time of clients from outside; a quarter of it is felt at the peak of a launch.',
    ),
  critical: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe('Share of database time; the application gets less than half of its own database.'),
  clear: z.number().min(0).max(1).default(0.15).describe('Share of database time; well under what is felt.'),
  minimumBusy: z
    .number()
    .min(0)
    .default(0.2)
    .describe(
      'Seconds of database time a second of clients from outside; less harms nobody, whatever its share.',
    ),
  criticalBusy: z
    .number()
    .min(0)
    .default(0.5)
    .describe(
      'Seconds of database time a second of clients from outside, from which a large share may be critical.',
    ),
});
type Clients = z.infer<typeof Clients>;
type Database = StackService<ServiceOf<'postgres'>> | StackService<ServiceOf<'mysql'>>;

export const clients = defineCheck<object, Clients>({
  id: 'stack.clients',
  question: 'Does a client outside the application load the primary?',
  thresholds: Clients,
  needs: [],
  falseAlarm:
    'A host of the application that reaches the database from another address than the config names, or a role of it that is not listed under "application".',
  judge({ stack, facts, thresholds }) {
    const databases: Database[] = [...stack.of('postgres'), ...stack.of('mysql')];
    const verdicts = databases.map((service): Verdict => {
      const primary = service.config.on[0] ?? 'primary';
      const use = facts?.<DatabaseFacts>(service.name).get(primary)?.use;
      return { ...judged(service, use, stack, thresholds), subject: service.name };
    });
    return verdicts.length > 0
      ? verdicts
      : [{ level: 'ok', basis: 'thin', summary: 'The config names no database.' }];
  },
});

function judged(service: Database, use: DatabaseUse | undefined, stack: Stack, thresholds: Clients): Verdict {
  const thin = (summary: string): Verdict => ({ level: 'ok', basis: 'thin', summary });
  if (!use) return thin(`Who works ${service.name} is not known yet.`);
  const own = ownOf(service, stack);
  if (!own) return thin(`The config names nothing that uses ${service.name}, so nothing is outside.`);
  const outside = use.clients.filter((client) => !own(client)).sort((a, b) => b.busy - a.busy);
  const busy = outside.reduce((sum, client) => sum + client.busy, 0);
  const value = share(busy, use.busy) ?? 0;
  const evidence = [clientTable(service.name, use, own)];
  if (busy < thresholds.minimumBusy)
    return {
      level: 'ok',
      // While the application itself is not connected, it is not known who would work it.
      ...(use.clients.some((client) => own(client)) ? {} : { basis: 'thin' as const }),
      summary: `${service.name}: clients from outside keep ${figure(busy, 'count')} sessions at work (looked at from ${figure(thresholds.minimumBusy, 'count')} on).`,
      value,
      unit: 'share',
      threshold: thresholds.warn,
      evidence,
    };
  const graded = grade(value, thresholds, 'above');
  const level = graded.level === 'critical' && busy < thresholds.criticalBusy ? 'warn' : graded.level;
  const threshold = level === 'critical' ? thresholds.critical : thresholds.warn;
  const [worst] = outside;
  return {
    level,
    cleared: graded.cleared,
    summary: `${figure(value, 'share')} of the time of ${service.name} is work from outside the application (limit ${figure(threshold, 'share')})${worst ? `: ${whoIs(worst)} keeps ${figure(worst.busy, 'count')} sessions at work` : ''}.`,
    value,
    unit: 'share',
    threshold,
    evidence: [...evidence, ...queryTable(worst)],
    ...(level === 'ok' || !worst ? {} : { advice: adviceFor(service, worst) }),
  };
}

/**
 * Whether a client is the application's own: one of its roles, from a host whose services depend on the database, be it
 * through a pooler. undefined where the config tells neither roles nor users.
 */
function ownOf(service: Database, stack: Stack): ((client: ClientUse) => boolean) | undefined {
  const roles = service.config.application;
  const { users, poolers } = usersOf(service.name, stack);
  const hosts = new Set(users.flatMap((name) => stack.hostsOf(name, true)));
  if (roles.length === 0 && hosts.size === 0) return undefined;
  const addresses = [...hosts].flatMap((name) => stack.hosts.get(name)?.address ?? []);
  // A local socket, or the machine's own loopback, is that of the database's host or the pooler's, where those are known.
  const servers = [service.name, ...poolers].flatMap((name) => stack.hostsOf(name));
  const near = servers.length === 0 || servers.some((host) => hosts.has(host));
  // A host that is known by a name alone has addresses that we cannot tell.
  const anywhere = hosts.size === 0 || addresses.some((address) => isIP(address) === 0);
  const acting = actingRole(service);
  return ({ role, address }) => {
    if (acting !== undefined && role === acting) return true;
    if (roles.length > 0 && !roles.includes(role)) return false;
    if (anywhere) return true;
    return address === undefined || isLoopback(address) ? near : addresses.includes(address);
  };
}

/** Services that depend on it, through poolers too, which ask nothing of their own. */
function usersOf(name: string, stack: Stack): { users: string[]; poolers: string[] } {
  const users = new Set<string>();
  const poolers = new Set<string>();
  const queue = [name];
  for (let next = queue.pop(); next !== undefined; next = queue.pop())
    for (const above of stack.above(next)) {
      if (stack.services.get(above)?.kind !== 'pgbouncer') users.add(above);
      else if (!poolers.has(above)) {
        poolers.add(above);
        queue.push(above);
      }
    }
  return { users: [...users], poolers: [...poolers] };
}

/** Warroom's own role for changes; the reading one leaves itself out. Of a URL that is a secret nothing is known here. */
function actingRole({ config }: Database): string | undefined {
  if (typeof config.act !== 'string') return undefined;
  return decodeURIComponent(new URL(config.act).username) || undefined;
}

function isLoopback(address: string): boolean {
  return address === '::1' || /^127\./.test(address);
}

function whoIs({ role, address, application }: ClientUse): string {
  return `${role || 'nobody'} from ${address ?? 'a local socket'}${application ? ` (calls itself ${application})` : ''}`;
}

function adviceFor({ config }: Database, worst: ClientUse): string {
  const [replica] = Object.keys(config.replicas);
  const from = worst.address ?? 'a local socket';
  return replica === undefined
    ? `Ask who runs ${worst.role} from ${from}, and move it to a replica; until then a connection limit of that role bounds it.`
    : `Move ${worst.role} from ${from} to the replica ${replica}, if it only reads (database ${worst.database}).`;
}

function clientTable(name: string, use: DatabaseUse, own: (client: ClientUse) => boolean): Evidence {
  const rows = [...use.clients].sort((a, b) => b.busy - a.busy);
  return {
    kind: 'table',
    title: `Who works ${name}, over ${figure(use.seconds, 's')}`,
    columns: [
      { name: 'role' },
      { name: 'address' },
      { name: 'calls itself' },
      { name: 'database' },
      { name: 'sessions' },
      { name: 'at work' },
      { name: 'share', unit: 'share' },
      { name: 'whose' },
    ],
    rows: rows
      .slice(0, 8)
      .map((client) => [
        client.role,
        client.address ?? 'local',
        client.application,
        client.database,
        client.sessions,
        Math.round(client.busy * 100) / 100,
        share(client.busy, use.busy) ?? 0,
        own(client) ? 'the application' : 'outside',
      ]),
  };
}

function queryTable(worst: ClientUse | undefined): Evidence[] {
  if (!worst || worst.queries.length === 0) return [];
  return [
    {
      kind: 'table',
      title: `What ${worst.role} asks`,
      columns: [{ name: 'query' }],
      rows: worst.queries.map((query) => [query]),
    },
  ];
}
