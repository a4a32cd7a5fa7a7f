import type { ChannelModel } from 'amqplib';
import { connect } from 'amqplib';
import { reason, WarroomError } from '../../errors/catalogue.ts';
import type { Way } from '../links.ts';
import type { BrokerUrl } from './broker-url.ts';
import { openDoor } from './door.ts';
import { Meter, openStream } from './stream.ts';

/** A connection to RabbitMQ that goes the target's way and does not come back by itself. */
export interface AmqpClient {
  readonly connection: ChannelModel;
  readonly meter: Meter;
  readonly name: string;
  readonly url: BrokerUrl;
  /** Undefined while it lives. */
  problem(): unknown;
  close(): void;
}

/** Queues of ours begin with this, so that a RabbitMQ user may be given the right to them alone. */
export const OWN = 'warroom.';

export async function openAmqp(way: Way, url: BrokerUrl): Promise<AmqpClient> {
  const name = `${way.name} ${url.shown}`;
  const stream = await openStream(way, url);
  const meter = new Meter(stream);
  const door = await openDoor(stream);
  way.signal.addEventListener('abort', door.close, { once: true });
  let problem: unknown;
  try {
    const connection = await connect(
      {
        protocol: 'amqp',
        username: url.user ?? 'guest',
        password: url.password ?? (url.user === undefined ? 'guest' : ''),
        vhost: encodeURIComponent(url.vhost),
        heartbeat: HEARTBEAT_S,
      },
      { path: door.path, timeout: TIMEOUT_MS, clientProperties: { connection_name: 'warroom' } },
    );
    connection.on('error', (error) => {
      problem ??= error;
    });
    connection.on('close', () => {
      problem ??= new Error('the connection was closed');
    });
    return {
      connection,
      meter,
      name,
      url,
      problem: () => problem,
      close: () => {
        // RabbitMQ takes our queues away with the connection, said goodbye or not.
        connection
          .close()
          .catch(() => undefined)
          .finally(door.close);
        setTimeout(door.close, GOODBYE_MS).unref();
      },
    };
  } catch (thrown) {
    door.close();
    throw amqpError(thrown, name, url, meter);
  } finally {
    way.signal.removeEventListener('abort', door.close);
  }
}

const HEARTBEAT_S = 20;
const TIMEOUT_MS = 4000;
const GOODBYE_MS = 500;

/** RabbitMQ's own words as an error that says what to do. */
export function amqpError(thrown: unknown, target: string, url: BrokerUrl, meter?: Meter): WarroomError {
  if (thrown instanceof WarroomError) return thrown;
  if (meter?.over)
    return new WarroomError('TARGET_CUT', { target, command: 'RabbitMQ', maxBytes: meter.most }, thrown);
  const words = reason(thrown);
  const user = url.user ?? 'guest';
  if (/ACCESS.REFUSED|403/.test(words) && /login|PLAIN|credentials/i.test(words))
    return noRight(
      target,
      `sign in as ${user}: RabbitMQ refused user or password`,
      `rabbitmqctl add_user warroom PASSWORD; ${permissions('warroom', url.vhost)}. The user guest may come from RabbitMQ's own host only.`,
      thrown,
    );
  // That is all that amqplib tells of a virtual host which is none, or closed to this user.
  if (/Expected ConnectionOpenOk; got <ConnectionClose/.test(words))
    return noRight(
      target,
      `enter the virtual host "${url.vhost}" as ${user}`,
      `It is what follows the last / of the broker URL (rabbitmqctl list_vhosts). ${permissions(user, url.vhost)}`,
      thrown,
    );
  if (/ACCESS.REFUSED|NOT.ALLOWED|403|530/.test(words))
    return noRight(target, `do that: RabbitMQ says "${words}"`, permissions(user, url.vhost), thrown);
  return new WarroomError(
    'TARGET_UNREACHABLE',
    { target, problem: words, mend: 'Is it a RabbitMQ, and running?' },
    thrown,
  );
}

/** Its own queues, the exchanges of remote control and events, and a passive look at queues, which needs no right. */
function permissions(user: string, vhost: string): string {
  return `rabbitmqctl set_permissions -p '${vhost}' ${user} '^(warroom\\..*|reply\\.celery\\.pidbox)$' '^(warroom\\..*|celery\\.pidbox)$' '^(warroom\\..*|reply\\.celery\\.pidbox|celeryev)$'`;
}

function noRight(target: string, what: string, mend: string, cause: unknown): WarroomError {
  return new WarroomError('NO_RIGHT', { target, what, mend }, cause);
}
