import { z } from 'zod';
import { reason } from '../../../errors/catalogue.ts';
import { type PgbouncerClient, pgbouncerLink } from '../../../targets/postgres-link.ts';
import type { CollectContext } from '../../contract.ts';

/** A client of the pooler that stands before the database. */
export interface PoolClient {
  readonly pointer: string;
  readonly role: string;
  /** The database as the pooler calls it. */
  readonly database: string;
  readonly address: string | undefined;
  readonly application: string;
  /** Works with a session of the database at the moment. */
  readonly linked: boolean;
}

/** A session of the pooler in the database. */
export interface PoolServer {
  readonly pid: number;
  /** The port from which the pooler reached the database; 0 for a socket. */
  readonly localPort: number;
  /** Pointer of the client that has it now; empty when none. */
  readonly link: string;
}

export interface PoolRead {
  readonly pooler: string;
  readonly clients: readonly PoolClient[];
  readonly servers: readonly PoolServer[];
}

export interface Pools {
  readonly reads: readonly PoolRead[];
  /** Why a pooler told nothing: its clients then show as the pooler itself. */
  readonly problems: readonly string[];
}

const MOST = 5000;
const text = z.coerce.string().catch('');
const count = z.coerce.number().catch(0);
const Client = z.object({
  user: text,
  database: text,
  state: text,
  addr: text,
  ptr: text,
  link: text,
  application_name: text,
});
const Server = z.object({ remote_pid: count, local_port: count, link: text });

/** Asks each PgBouncer that stands before this database, from its own host; one that is silent costs no snapshot. */
export async function readPools(context: CollectContext): Promise<Pools> {
  const { stack, target } = context.place;
  const asked = stack.above(target).flatMap((name) => {
    const pooler = stack.service(name, 'pgbouncer');
    const hosts = pooler && pooler.config.on.length > 0 ? pooler.config.on : [undefined];
    return pooler ? hosts.map((host) => ({ name, source: pooler.config.admin, host })) : [];
  });
  const answers = await Promise.all(
    asked.map(({ name, source, host }) =>
      context
        .link(pgbouncerLink, source, (client) => readPool(client, name), host)
        .catch((thrown: unknown) => reason(thrown)),
    ),
  );
  return {
    reads: answers.filter((one) => typeof one !== 'string'),
    problems: answers.filter((one) => typeof one === 'string'),
  };
}

async function readPool(client: PgbouncerClient, pooler: string): Promise<PoolRead> {
  const servers = await client.show('SHOW SERVERS');
  const clients = await client.show('SHOW CLIENTS');
  return {
    pooler,
    servers: z
      .array(Server)
      .parse(servers.slice(0, MOST))
      .map((row) => ({ pid: row.remote_pid, localPort: row.local_port, link: row.link })),
    clients: z
      .array(Client)
      .parse(clients.slice(0, MOST))
      // Whoever reads the console is no client of the database.
      .filter((row) => row.database !== 'pgbouncer')
      .map((row) => ({
        pointer: row.ptr,
        role: row.user,
        database: row.database,
        address: realAddress(row.addr),
        application: row.application_name,
        linked: row.link !== '',
      })),
  };
}

/** "unix", or "unix(1234@host)", is a socket of the pooler's host. */
function realAddress(address: string): string | undefined {
  return address === '' || address.startsWith('unix') ? undefined : address;
}
