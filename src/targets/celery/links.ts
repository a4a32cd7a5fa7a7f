import type { LinkKind, Way } from '../links.ts';
import { AmqpBroker } from './amqp.ts';
import { openAmqp } from './amqp-client.ts';
import { AmqpListener } from './amqp-events.ts';
import { parseBrokerUrl } from './broker-url.ts';
import type { Broker, Listener } from './contract.ts';
import { RedisBroker } from './redis.ts';
import { openRedis } from './redis-client.ts';
import { RedisListener } from './redis-events.ts';

/** A kept client of a broker; `prefix` is the config's keyPrefix. */
export function brokerLink(prefix: string): LinkKind<Broker> {
  return {
    id: `celery broker ${prefix}`,
    open: async (way: Way) => {
      const url = parseBrokerUrl(way.url.reveal(), way.name);
      if (url.transport === 'amqp') return new AmqpBroker(await openAmqp(way, url), prefix);
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
      const listener =
        url.transport === 'amqp'
          ? new AmqpListener(await openAmqp(way, url), prefix)
          : new RedisListener(await openRedis(way, url), { db: url.db, prefix });
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
