import { Agent, request } from 'node:http';
import type { Duplex } from 'node:stream';
import { connect as tlsConnect } from 'node:tls';
import { z } from 'zod';
import { reason, WarroomError } from '../../errors/catalogue.ts';
import type { LinkKind } from '../links.ts';

/** What RabbitMQ's management API tells of a queue; rates are a second, its own means. */
export interface ManagedQueue {
  readonly queue: string;
  readonly ready: number;
  readonly unacked: number;
  readonly consumers: number;
  readonly published: number | undefined;
  readonly acknowledged: number | undefined;
  /** Milliseconds since 1970 of the oldest message, where its sender stamped it. */
  readonly oldestAt: number | undefined;
}

/** A connection to the management API. */
export interface Management {
  queue(vhost: string, name: string, signal: AbortSignal): Promise<ManagedQueue | undefined>;
  close(): void;
}

const MOST_BYTES = 1024 * 1024;
const rate = z.object({ rate: z.number() }).optional().catch(undefined);
const Told = z.object({
  name: z.string(),
  messages_ready: z.number().catch(0),
  messages_unacknowledged: z.number().catch(0),
  consumers: z.number().catch(0),
  head_message_timestamp: z.number().nullish().catch(null),
  message_stats: z.object({ publish_details: rate, ack_details: rate }).catch({}),
});

export const managementLink: LinkKind<Management> = {
  id: 'rabbitmq management',
  open: async (way) => {
    const url = new URL(way.url.reveal());
    const secure = url.protocol === 'https:';
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const stream = await way.connect({ host, port: Number(url.port) || (secure ? 443 : 80) });
    stream.on('error', () => undefined);
    const api = {
      name: way.name,
      url,
      agent: agentOn(secure ? tlsConnect({ socket: stream, servername: host }) : stream),
    };
    return {
      queue: async (vhost, name, signal) => {
        const path = `${url.pathname.replace(/\/$/, '')}/api/queues/${encodeURIComponent(vhost)}/${encodeURIComponent(name)}`;
        const body = await get(api, path, signal);
        return body === undefined ? undefined : managedQueue(body, way.name);
      },
      close: () => {
        api.agent.destroy();
        stream.destroy();
      },
    };
  },
  close: (management) => management.close(),
};

/** One connection, kept, and no other: a way to the server is open only while the client comes to be. */
function agentOn(stream: Duplex): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let used = false;
  stream.on('error', () => undefined);
  agent.createConnection = () => {
    if (used) throw new Error('the connection was closed');
    used = true;
    return stream;
  };
  return agent;
}

/** Throws BAD_ANSWER for what is no queue. */
export function managedQueue(text: string, target: string): ManagedQueue {
  try {
    const told = Told.parse(JSON.parse(text));
    return {
      queue: told.name,
      ready: told.messages_ready,
      unacked: told.messages_unacknowledged,
      consumers: told.consumers,
      published: told.message_stats.publish_details?.rate,
      acknowledged: told.message_stats.ack_details?.rate,
      oldestAt: told.head_message_timestamp ? told.head_message_timestamp * 1000 : undefined,
    };
  } catch (thrown) {
    throw new WarroomError(
      'BAD_ANSWER',
      { target, expected: "one of RabbitMQ's management API", problem: reason(thrown).split('\n')[0] ?? '' },
      thrown,
    );
  }
}

interface Api {
  readonly name: string;
  readonly url: URL;
  readonly agent: Agent;
}

/** Undefined for 404. */
async function get(
  { name, url, agent }: Api,
  path: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const user = decodeURIComponent(url.username);
  try {
    return await new Promise<string | undefined>((resolve, reject) => {
      const sent = request(
        {
          agent,
          path,
          host: url.hostname,
          signal,
          ...(user === '' ? {} : { auth: `${user}:${decodeURIComponent(url.password)}` }),
        },
        (response) => {
          const { statusCode = 0 } = response;
          if (statusCode === 401 || statusCode === 403) return reject(noRight(name, user));
          if (statusCode !== 200 && statusCode !== 404) return reject(new Error(`status ${statusCode}`));
          let body = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            body += chunk;
            if (body.length > MOST_BYTES) response.destroy(new Error('it was more than 1 MiB'));
          });
          response.once('error', reject);
          response.once('end', () => resolve(statusCode === 404 ? undefined : body));
        },
      );
      sent.once('error', reject);
      sent.end();
    });
  } catch (thrown) {
    if (thrown instanceof WarroomError) throw thrown;
    throw new WarroomError(
      'TARGET_UNREACHABLE',
      {
        target: `${name} ${url.host}`,
        problem: reason(thrown),
        mend: 'On its host: rabbitmq-plugins enable rabbitmq_management.',
      },
      thrown,
    );
  }
}

function noRight(target: string, user: string): WarroomError {
  const name = user || 'warroom';
  return new WarroomError('NO_RIGHT', {
    target,
    what: "read RabbitMQ's management API",
    mend: `rabbitmqctl set_user_tags ${name} monitoring, and a user of that name with its password in the URL of "management".`,
  });
}
