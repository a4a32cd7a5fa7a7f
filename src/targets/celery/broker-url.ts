import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { reason, WarroomError } from '../../errors/catalogue.ts';
import type { SocketAddress } from '../contract.ts';

/** A broker's URL taken apart, as Celery itself reads it (kombu's `parse_url`). */
export interface BrokerUrl {
  readonly transport: 'redis' | 'amqp';
  readonly address: SocketAddress;
  /** Host and port, or the socket's path: what errors may show. */
  readonly shown: string;
  readonly tls: ConnectionOptions | undefined;
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** Redis' database number. */
  readonly db: number;
  /** RabbitMQ's virtual host. */
  readonly vhost: string;
}

const TRANSPORTS: Readonly<
  Record<string, { transport: BrokerUrl['transport']; tls: boolean; port: number }>
> = {
  'redis:': { transport: 'redis', tls: false, port: 6379 },
  'rediss:': { transport: 'redis', tls: true, port: 6379 },
  'redis+socket:': { transport: 'redis', tls: false, port: 0 },
  'amqp:': { transport: 'amqp', tls: false, port: 5672 },
  'pyamqp:': { transport: 'amqp', tls: false, port: 5672 },
  'amqps:': { transport: 'amqp', tls: true, port: 5671 },
};

/** Throws TARGET_UNREACHABLE for a URL of a broker that is neither Redis nor RabbitMQ. */
export function parseBrokerUrl(text: string, target: string): BrokerUrl {
  const url = parsed(text, target);
  const known = TRANSPORTS[url.protocol];
  if (!known) throw unusable(target, `its broker's URL begins with ${url.protocol}`);
  const host = decodeURIComponent(url.hostname.replace(/^\[|\]$/g, '')) || '127.0.0.1';
  const path = decodeURIComponent(url.pathname);
  const inQuery = url.searchParams.get('virtual_host');
  const socket = url.protocol === 'redis+socket:';
  const address = socket ? { path } : { host, port: Number(url.port) || known.port };
  const database = inQuery ?? (socket ? '0' : path.replace(/^\//, ''));
  return {
    transport: known.transport,
    address,
    shown: socket ? path : `${host}:${Number(url.port) || known.port}`,
    tls: known.tls ? tlsOptions(url.searchParams, host, target) : undefined,
    user: url.username === '' ? undefined : decodeURIComponent(url.username),
    password: url.password === '' ? undefined : decodeURIComponent(url.password),
    db: /^\d{1,5}$/.test(database) ? Number(database) : 0,
    // amqp://host/ is the virtual host "/", as it is for Celery.
    vhost: database === '' ? '/' : database,
  };
}

function parsed(text: string, target: string): URL {
  try {
    return new URL(text);
  } catch {
    throw unusable(target, "its broker's URL is none");
  }
}

function unusable(target: string, problem: string): WarroomError {
  return new WarroomError('TARGET_UNREACHABLE', {
    target,
    problem,
    mend: 'Warroom speaks to redis://, rediss://, redis+socket://, amqp:// and amqps://.',
  });
}

/** The options that Celery's own URLs carry: ssl_cert_reqs, ssl_ca_certs, ssl_certfile, ssl_keyfile. */
function tlsOptions(query: URLSearchParams, host: string, target: string): ConnectionOptions {
  const read = (name: string) => {
    const path = query.get(name);
    if (path === null) return undefined;
    try {
      return readFileSync(path);
    } catch (thrown) {
      throw new WarroomError('TARGET_UNREACHABLE', {
        target,
        problem: `${name} cannot be read: ${reason(thrown)}`,
        mend: 'The files of a broker URL are those of the machine that Warroom runs on.',
      });
    }
  };
  const [ca, cert, key] = [read('ssl_ca_certs'), read('ssl_certfile'), read('ssl_keyfile')];
  return {
    host,
    ...(isIP(host) ? {} : { servername: host }),
    rejectUnauthorized: !/^(cert_)?none$/i.test(query.get('ssl_cert_reqs') ?? ''),
    ...(ca ? { ca } : {}),
    ...(cert ? { cert } : {}),
    ...(key ? { key } : {}),
  };
}
