import type { Duplex } from 'node:stream';
import { AbstractConnector, Redis } from 'ioredis';
import { reason, WarroomError } from '../../errors/catalogue.ts';
import type { Way } from '../links.ts';
import type { BrokerUrl } from './broker-url.ts';
import { Meter, openStream } from './stream.ts';

type NetStream = Awaited<ReturnType<AbstractConnector['connect']>>;

/** A connection to Redis that goes the target's way, does not come back by itself, and may be cut at any time. */
export interface RedisClient {
  readonly redis: Redis;
  readonly meter: Meter;
  readonly name: string;
  close(): void;
}

/** What Warroom's own Redis user may do: it is all that watching and Celery's remote control need. */
export const REDIS_RIGHTS =
  '~* &* -@all +ping +select +multi +exec +publish +psubscribe +sadd +srem +rpush +lrange +ltrim +expire +del +llen +hlen';

export async function openRedis(way: Way, url: BrokerUrl): Promise<RedisClient> {
  const name = `${way.name} ${url.shown}`;
  const stream = await openStream(way, url);
  const meter = new Meter(stream);
  const redis = new Redis({
    Connector: connectorOf(stream),
    lazyConnect: true,
    protocol: 2,
    enableReadyCheck: false,
    disableClientInfo: true,
    enableOfflineQueue: false,
    autoResubscribe: false,
    retryStrategy: null,
    maxRetriesPerRequest: 0,
    noDelay: false,
    ...(url.user === undefined ? {} : { username: url.user }),
    ...(url.password === undefined ? {} : { password: url.password }),
    db: url.db,
  });
  let problem: unknown;
  // Without a listener, ioredis writes to the console.
  redis.on('error', (error: unknown) => {
    problem ??= error;
  });
  const close = () => {
    redis.disconnect();
    stream.destroy();
  };
  way.signal.addEventListener('abort', close, { once: true });
  try {
    await redis.connect();
    // What a server says against the database's number comes as an event alone.
    await redis.ping();
    if (problem !== undefined) throw problem;
    return { redis, meter, name, close };
  } catch (thrown) {
    close();
    throw redisError(problem ?? thrown, name, meter);
  } finally {
    way.signal.removeEventListener('abort', close);
  }
}

/** Gives ioredis the stream that is already open. */
function connectorOf(stream: Duplex) {
  return class extends AbstractConnector {
    constructor() {
      super(1000);
    }
    connect(): Promise<NetStream> {
      this.stream = asSocket(stream);
      return Promise.resolve(this.stream);
    }
  };
}

/** A channel of SSH has none of a socket's own switches. */
function asSocket(stream: Duplex): NetStream {
  const socket = stream as Duplex & Partial<Record<'setKeepAlive' | 'setNoDelay' | 'setTimeout', unknown>>;
  socket.setKeepAlive ??= () => socket;
  socket.setNoDelay ??= () => socket;
  socket.setTimeout ??= () => socket;
  return socket as unknown as NetStream;
}

/** Redis' own words as an error that says what to do. */
export function redisError(thrown: unknown, target: string, meter?: Meter): WarroomError {
  if (thrown instanceof WarroomError) return thrown;
  if (meter?.over)
    return new WarroomError('TARGET_CUT', { target, command: 'Redis', maxBytes: meter.most }, thrown);
  const words = reason(thrown);
  if (/^(NOAUTH|WRONGPASS|ERR invalid password|ERR AUTH)/.test(words))
    return noRight(
      target,
      /^NOAUTH/.test(words)
        ? 'use this Redis without a password'
        : 'sign in: Redis refused user and password',
      'Let the URL that "broker" names be redis://USER:PASSWORD@HOST:PORT/DB with the password of requirepass (no USER then), or make a user for Warroom:',
    );
  if (/^NOPERM/.test(words))
    return noRight(target, `do that: Redis says "${words}"`, 'Give its user the rights:');
  if (/^ERR DB index/.test(words))
    return new WarroomError('TARGET_UNREACHABLE', {
      target,
      problem: 'it has no database of that number',
      mend: 'The number is what follows the last / of the URL.',
    });
  const problem = /^(Connection is closed|Stream isn't writeable)/.test(words)
    ? 'the connection was closed'
    : words;
  return new WarroomError('TARGET_UNREACHABLE', { target, problem, mend: mendOf(words) }, thrown);
}

function noRight(target: string, what: string, mend: string): WarroomError {
  return new WarroomError('NO_RIGHT', {
    target,
    what,
    mend: `${mend} redis-cli ACL SETUSER warroom on '>PASSWORD' ${REDIS_RIGHTS.replace('~* &*', "'~*' '&*'")}`,
  });
}

function mendOf(words: string): string {
  if (/^OOM/.test(words))
    return 'Redis is at its maxmemory: workers cannot be asked, and tasks cannot be queued. Raise it, or see what fills it.';
  if (/^READONLY/.test(words)) return 'It is a replica: let "broker" name its primary.';
  if (/^LOADING/.test(words)) return 'It reads its file from disk; that ends by itself.';
  return 'Is it a Redis, and running?';
}
