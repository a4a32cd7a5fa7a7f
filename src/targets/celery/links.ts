import type { LinkKind, Way } from '../links.ts';
import { type BrokerUrl, parseBrokerUrl } from './broker-url.ts';
import type { Broker, Listener } from './contract.ts';

/** A client library is loaded once its kind of broker is met: they are megabytes that most stacks do not need. */
const amqp = async () => ({
  ...(await import('./amqp-client.ts')),
  ...(await import('./amqp.ts')),
  ...(await import('./amqp-events.ts')),
});
const redis = async () => ({
  ...(await import('./redis-client.ts')),
  ...(await import('./redis.ts')),
  ...(await import('./redis-events.ts')),
});

/** A kept client of a broker; `prefix` is the config's keyPrefix. */
export function brokerLink(prefix: string): LinkKind<Broker> {
  return {
    id: `celery broker ${prefix}`,
    open: async (way: Way) => {
      const url = parseBrokerUrl(way.url.reveal(), way.name);
      if (url.transport === 'amqp') {
        const { AmqpBroker, openAmqp } = await amqp();
        return new AmqpBroker(await openAmqp(way, url), prefix);
      }
      const { openRedis, RedisBroker } = await redis();
      return new RedisBroker(await openRedis(way, url), { db: url.db, prefix });
    },
    close: (broker) => broker.close(),
  };
}

/** A kept listener to workers' events: it hears on between its uses. `whose` keeps listeners apart. */
export function eventsLink(prefix: string, whose: string): LinkKind<Listener> {
  return {
    id: `celery events ${whose} ${prefix}`,
    open: async (way: Way) => {
      const url = parseBrokerUrl(way.url.reveal(), way.name);
      const listener = await listenerOf(way, url, prefix);
      try {
        await listener.listen();
        return listener;
      } catch (thrown) {
        listener.close();
        throw thrown;
      }
    },
    close: (listener) => listener.close(),
  };
}

async function listenerOf(way: Way, url: BrokerUrl, prefix: string) {
  if (url.transport === 'amqp') {
    const { AmqpListener, openAmqp } = await amqp();
    return new AmqpListener(await openAmqp(way, url), prefix);
  }
  const { openRedis, RedisListener } = await redis();
  return new RedisListener(await openRedis(way, url), { db: url.db, prefix });
}
