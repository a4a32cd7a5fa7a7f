import { z } from 'zod';
import type { CollectContext, Evidence, View } from '../contract.ts';
import { pause } from '../pause.ts';
import { plain } from '../rate.ts';
import { databaseTable, poolTable } from './checks.ts';
import { collectPools, onConsole, rows } from './collect.ts';
import { measurePools } from './measure.ts';

const LOOK_MS = 1000;
const MOST = 20;
const text = z.coerce.string().catch('');
const count = z.coerce.number().catch(0);

async function look(context: CollectContext) {
  const first = { snapshot: await collectPools(context), at: Date.now() };
  await pause(LOOK_MS, context.signal);
  return measurePools(first, { snapshot: await collectPools(context), at: Date.now() });
}

const overview: View = {
  name: '',
  summary: 'Pools, waiting clients, transactions',
  async show(context): Promise<Evidence[]> {
    const { readings, facts } = await look(context);
    return [
      {
        kind: 'figures',
        rows: readings.map(({ metric, value, unit }) => ({
          name: metric.replace('pgbouncer.', '').replaceAll('_', ' '),
          value,
          unit,
        })),
      },
      poolTable({ instance: context.place.instance, facts }),
    ];
  },
};

const pools: View = {
  name: 'pools',
  summary: 'SHOW POOLS: who waits, and for how long',
  async show(context) {
    const { facts } = measurePools(undefined, { snapshot: await collectPools(context), at: Date.now() });
    return [poolTable({ instance: context.place.instance, facts }, MOST)];
  },
};

const databases: View = {
  name: 'databases',
  summary: 'SHOW DATABASES: where each goes, paused or open',
  async show(context) {
    const { facts } = measurePools(undefined, { snapshot: await collectPools(context), at: Date.now() });
    return [databaseTable(facts.databases ?? [], MOST)];
  },
};

const Connection = z.object({
  user: text,
  database: text,
  state: text,
  addr: text,
  local_port: text,
  application_name: text,
  link: text,
  remote_pid: count,
  wait: count,
  wait_us: count,
});
type Connection = z.infer<typeof Connection>;

const clients: View = {
  name: 'clients',
  summary: 'SHOW CLIENTS by role, address and state: where they really come from',
  async show(context) {
    const everybody = await onConsole(context, (client) => rows(client, Connection, 'SHOW CLIENTS'));
    const all = everybody.filter((row) => row.database !== 'pgbouncer');
    const groups = grouped(all, (row) => [row.user, row.database, row.addr, row.application_name, row.state]);
    return [
      {
        kind: 'table',
        title: `${all.length} clients`,
        columns: [
          { name: 'role' },
          { name: 'database' },
          { name: 'address' },
          { name: 'application' },
          { name: 'state' },
          { name: 'clients' },
          { name: 'with a connection' },
          { name: 'waits', unit: 's' },
        ],
        rows: groups.map(({ key, members }) => [
          ...key,
          members.length,
          members.filter((row) => row.link !== '').length,
          Math.max(...members.map((row) => row.wait + row.wait_us / 1e6)),
        ]),
      },
    ];
  },
};

const servers: View = {
  name: 'servers',
  summary: 'SHOW SERVERS: connections to the database, by its process id',
  async show(context) {
    const all = await onConsole(context, (client) => rows(client, Connection, 'SHOW SERVERS'));
    return [
      {
        kind: 'table',
        title: all.length > MOST ? `Connections (${MOST} of ${all.length})` : 'Connections',
        columns: [
          { name: 'role' },
          { name: 'database' },
          { name: 'to' },
          { name: 'state' },
          { name: 'process' },
          { name: 'has a client' },
        ],
        rows: all
          .slice(0, MOST)
          .map((row) => [
            plain(row.user, 63),
            plain(row.database, 63),
            plain(row.addr, 63),
            row.state,
            row.remote_pid,
            row.link === '' ? 'no' : 'yes',
          ]),
      },
    ];
  },
};

function grouped(all: readonly Connection[], keyOf: (row: Connection) => readonly string[]) {
  const groups = new Map<string, { key: string[]; members: Connection[] }>();
  for (const row of all) {
    const key = keyOf(row).map((word) => plain(word, 63));
    const id = JSON.stringify(key);
    const group = groups.get(id) ?? { key, members: [] };
    group.members.push(row);
    groups.set(id, group);
  }
  return [...groups.values()].sort((a, b) => b.members.length - a.members.length).slice(0, MOST);
}

export const views: readonly View[] = [overview, pools, clients, servers, databases];
