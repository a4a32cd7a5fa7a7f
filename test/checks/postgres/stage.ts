import net from 'node:net';
import pg from 'pg';
import { contextAt } from '../../../src/checks/context.ts';
import type { System } from '../../../src/checks/contract.ts';
import { openTargets } from '../../../src/targets/targets.ts';
import { until } from '../varnish/servers.ts';
import { Looks, stackOf } from './looks.ts';
import { Recorder, type Recording } from './recording.ts';
import { type PostgresServers, type Server, shopOn } from './servers.ts';

export interface Stage {
  readonly servers: PostgresServers;
  readonly primary: Server;
  readonly db2: Server;
  readonly pooler: { readonly port: number };
  /** A client of the pooler, from an address of its own on the loopback. */
  web(address: string, database?: string): Promise<pg.Client>;
}

/** The shop with its index as it was tested, a replica that streams, a pooler before it. */
export async function stageOn(servers: PostgresServers): Promise<Stage> {
  // What vacuum would do on its own is no part of a recording.
  const primary = await shopOn(servers, ['autovacuum = off', 'wal_receiver_status_interval = 1']);
  await primary.sql(
    // Neither are the statements by which the stage is set and waited for.
    'ALTER ROLE postgres SET pg_stat_statements.track = none',
    'CREATE INDEX order_item_order ON order_item (order_id)',
    "CREATE TABLE product AS SELECT n AS id, 'Product ' || n AS name FROM generate_series(1, 1000) n",
    'ALTER TABLE product OWNER TO shop',
    'GRANT SELECT ON product TO report',
    'CREATE SCHEMA stock AUTHORIZATION shop',
    'CREATE TABLE stock.shelf AS SELECT n AS id FROM generate_series(1, 100) n',
    'GRANT USAGE ON SCHEMA stock TO report',
    'GRANT SELECT ON stock.shelf TO report',
  );
  // In a session of its own: one that inserted before counts its rows twice.
  await primary.sql('VACUUM ANALYZE');
  await primary.sql('CREATE DATABASE tested TEMPLATE shop');
  const db2 = await servers.replica(primary, 'db2');
  const pooler = await servers.pgbouncer(primary);
  const web = async (address: string, database = 'shop') => {
    const client = new pg.Client({
      user: 'shop',
      database,
      application_name: 'web',
      stream: () => socketFrom(address, pooler.port),
    });
    // It ends with its server.
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };
  return { servers, primary, db2, pooler, web };
}

/** Connects by itself: pg only ever names a host and a port. */
function socketFrom(localAddress: string, port: number): net.Socket {
  const socket = net.connect({ host: '127.0.0.1', port, localAddress });
  return Object.assign(socket, { connect: () => socket });
}

/** Records the looks of a system at the stage; `acts` happen one before each look. */
export async function recorded(
  { servers, primary, db2, pooler }: Stage,
  system: System,
  acts: readonly (() => Promise<void>)[],
): Promise<Recording> {
  const urls = {
    primary: primary.url('warroom'),
    db2: db2.url('warroom'),
    reference: primary.url('warroom', 'tested'),
    pool: `postgres://warroom@127.0.0.1:${pooler.port}/pgbouncer`,
  };
  const stack = stackOf(urls);
  const targets = openTargets(stack, () => {
    throw new Error('the stage has no secrets');
  });
  const recorder = new Recorder(urls);
  const looks = new Looks(system, stack, (place) =>
    recorder.listening(contextAt(place, targets, AbortSignal.timeout(10_000))),
  );
  try {
    for (const [i, act] of acts.entries()) {
      await act();
      recorder.look = i + 1;
      await looks.look(['activity']);
    }
  } finally {
    await targets.close();
  }
  return recorder.recording(
    new Map([
      [servers.folder, '/srv/shop'],
      [String(primary.port), '5432'],
      [String(db2.port), '5433'],
      [String(pooler.port), '6432'],
    ]),
  );
}

/** Asks the same again and again, and leaves: a session that ends has passed all of its counters on. */
export async function asks(
  server: Server,
  text: string,
  values: readonly (readonly unknown[])[],
): Promise<void> {
  const session = await server.session('shop', 'web');
  for (const one of values) await session.query(text, [...one]);
  await session.end();
}

/** Waits until a question to a server is answered with true. */
export async function untilTrue(server: Server, question: string): Promise<void> {
  await until(async () => {
    const [result] = await server.sql(`SELECT (${question}) AS yes`);
    return result?.rows[0].yes === true;
  });
}
