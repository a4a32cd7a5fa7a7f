import { randomUUID } from 'node:crypto';
import type { Channel } from 'amqplib';
import { WarroomError } from '../../errors/catalogue.ts';
import { type AmqpClient, amqpError, OWN } from './amqp-client.ts';
import type { Heard, Listener } from './contract.ts';
import { Ear } from './ear.ts';
import { MOST_HEARD_BYTES } from './stream.ts';

const MOST_QUEUED = 10_000;
/** As Celery's own event_queue_ttl: what nobody takes is no news any more. */
const TTL_MS = 5000;

/** A queue of our own on what workers publish (`celeryev`); it is exclusive, so it is gone with the connection. */
export class AmqpListener implements Listener {
  readonly #ear = new Ear();
  readonly #queue = `${OWN}${randomUUID()}.celeryev`;
  #channel: Channel | undefined;
  #tag = '';
  #paused = false;

  constructor(
    private readonly client: AmqpClient,
    private readonly prefix: string,
  ) {}

  async listen(): Promise<void> {
    const exchange = `${this.prefix}celeryev`;
    const { client } = this;
    try {
      const channel = await client.connection.createChannel();
      channel.on('error', () => undefined);
      await channel.assertQueue(this.#queue, {
        exclusive: true,
        autoDelete: false,
        durable: false,
        messageTtl: TTL_MS,
        maxLength: MOST_QUEUED,
      });
      await channel.bindQueue(this.#queue, exchange, '#');
      this.#channel = channel;
      await this.#consume();
    } catch (thrown) {
      if ((thrown as { code?: number }).code === 404)
        throw new WarroomError('TARGET_UNREACHABLE', {
          target: client.name,
          problem: `it has no exchange ${exchange}: no worker was here yet`,
          mend: 'It is there once a worker started. Is it another virtual host, or event_exchange?',
        });
      throw amqpError(client.problem() ?? thrown, client.name, client.url, client.meter);
    }
  }

  async drain(): Promise<Heard> {
    const problem = this.client.problem();
    if (problem !== undefined) throw amqpError(problem, this.client.name, this.client.url);
    // The answer shows that somebody is still there.
    await this.#channel?.checkQueue(this.#queue);
    const heard = this.#ear.take();
    this.client.meter.reset();
    if (this.#paused) {
      this.#paused = false;
      await this.#channel?.purgeQueue(this.#queue);
      await this.#consume();
    }
    this.#ear.resume();
    return heard;
  }

  close(): void {
    this.client.close();
  }

  async #consume(): Promise<void> {
    const told = await this.#channel?.consume(
      this.#queue,
      (message) => message && this.#heard(message.content),
      {
        noAck: true,
      },
    );
    this.#tag = told?.consumerTag ?? '';
  }

  async rest(): Promise<void> {
    await this.#stop(false);
  }

  #heard(content: Buffer): void {
    if (this.#paused) return;
    try {
      this.#ear.hear(JSON.parse(content.toString('utf8')));
    } catch {
      // What is no JSON is no event.
    }
    if (this.client.meter.bytes > MOST_HEARD_BYTES) this.#stop(true).catch(() => undefined);
  }

  async #stop(overrun: boolean): Promise<void> {
    if (this.#paused) return;
    this.#paused = true;
    this.#ear.pause(overrun);
    await this.#channel?.cancel(this.#tag);
  }
}
