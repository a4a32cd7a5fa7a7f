import { randomUUID } from 'node:crypto';
import type { Channel, ConsumeMessage } from 'amqplib';
import { type AmqpClient, amqpError, OWN } from './amqp-client.ts';
import type { Answer, Asked, Broker, Depth, Depths, Question, Waiting } from './contract.ts';
import { isRecord, requestBody, requestHeaders } from './message.ts';

/**
 * Celery's remote control over RabbitMQ (kombu/pidbox.py): a request goes to a fanout exchange, answers come through
 * a direct one into a queue of our own. The queue is exclusive: it is gone with our connection, whatever happens.
 */
const WAIT_MS = 1000;
/** What is waited for newcomers once everybody answered who did before. */
const MORE_MS = 100;
const QUEUE_LIFE_MS = 10_000;

export class AmqpBroker implements Broker {
  readonly transport = 'amqp';
  readonly #oid = `${OWN}${randomUUID()}`;
  #channel: Channel | undefined;
  #hear: ((message: ConsumeMessage) => void) | undefined;

  constructor(
    private readonly client: AmqpClient,
    private readonly prefix: string,
  ) {}

  async ask(question: Question): Promise<Asked> {
    this.client.meter.reset();
    const waitMs = question.waitMs ?? WAIT_MS;
    const request = `${this.prefix}celery.pidbox`;
    return this.#guard(async () => {
      // Without it no worker was ever here; and to publish would end the channel.
      if (!(await this.#has((channel) => channel.checkExchange(request))))
        return { answers: [], subscribed: 0 };
      const channel = await this.#open();
      const ticket = randomUUID();
      const body = requestBody({
        method: question.method,
        arguments: question.arguments ?? {},
        destination: question.nodes ?? null,
        ticket,
        replyTo: { exchange: this.#replies, routingKey: this.#oid },
      });
      const gathered = this.#gather(question, ticket, waitMs, channel);
      channel.publish(request, '', Buffer.from(body), {
        contentType: 'application/json',
        contentEncoding: 'utf-8',
        deliveryMode: 1,
        headers: requestHeaders(Date.now() / 1000 + waitMs / 1000),
      });
      return { answers: await gathered, subscribed: undefined };
    });
  }

  async depths(queues: readonly string[]): Promise<Depths> {
    return this.#guard(async () => {
      const found: Depth[] = [];
      for (const queue of queues) {
        const told = await this.#has((channel) => channel.checkQueue(queue));
        found.push({
          queue,
          ready: told ? told.messageCount : null,
          byPriority: [],
          ...(told ? { consumers: told.consumerCount } : {}),
        });
      }
      return { queues: found, unacked: undefined };
    });
  }

  /** To look at messages is to take them and give them back: out of their order, marked as delivered before. */
  peek(): Promise<readonly Waiting[]> {
    return Promise.resolve([]);
  }

  async listens(node: string): Promise<boolean> {
    return this.#guard(async () => {
      const told = await this.#has((channel) => channel.checkQueue(`${node}.${this.prefix}celery.pidbox`));
      return told !== undefined && told.consumerCount > 0;
    });
  }

  close(): void {
    this.client.close();
  }

  get vhost(): string {
    return this.client.url.vhost;
  }

  get #replies(): string {
    return `reply.${this.prefix}celery.pidbox`;
  }

  #gather(question: Question, ticket: string, waitMs: number, channel: Channel): Promise<Answer[]> {
    const answers: Answer[] = [];
    const began = performance.now();
    const wanted = new Set(question.nodes ?? question.expecting ?? []);
    const known = wanted.size > 0;
    return new Promise((resolve, reject) => {
      let timer = setTimeout(() => end(), waitMs);
      const end = (problem?: unknown) => {
        clearTimeout(timer);
        this.#hear = undefined;
        channel.off('close', closed);
        if (problem === undefined) resolve(answers);
        else reject(problem);
      };
      const closed = () => end(this.client.problem() ?? new Error('the channel was closed'));
      channel.once('close', closed);
      this.#hear = (message) => {
        for (const answer of answersIn(message, ticket, performance.now() - began)) {
          answers.push(answer);
          wanted.delete(answer.node);
        }
        if (!known || wanted.size > 0) return;
        if (question.nodes) end();
        else {
          clearTimeout(timer);
          timer = setTimeout(() => end(), Math.min(MORE_MS, waitMs));
        }
      };
    });
  }

  /** The channel with our reply queue; one that was closed is opened again. */
  async #open(): Promise<Channel> {
    if (this.#channel) return this.#channel;
    const replies = this.#replies;
    // Whoever asked first made it; where nobody did, we must.
    if (!(await this.#has((channel) => channel.checkExchange(replies))))
      await this.#has((channel) => channel.assertExchange(replies, 'direct', { durable: false }));
    const channel = await this.#newChannel();
    channel.once('close', () => {
      if (this.#channel === channel) this.#channel = undefined;
    });
    const queue = `${this.#oid}.${replies}`;
    await channel.assertQueue(queue, {
      exclusive: true,
      autoDelete: true,
      durable: false,
      expires: QUEUE_LIFE_MS,
    });
    await channel.bindQueue(queue, replies, this.#oid);
    await channel.consume(queue, (message) => message && this.#hear?.(message), { noAck: true });
    this.#channel = channel;
    return channel;
  }

  /** In a channel of its own, which "not found" ends. Undefined for what is not there. */
  async #has<T>(look: (channel: Channel) => Promise<T>): Promise<T | undefined> {
    const channel = await this.#newChannel();
    try {
      const found = await look(channel);
      await channel.close();
      return found;
    } catch (thrown) {
      const code = (thrown as { code?: number }).code;
      if (code === 404) return undefined;
      throw thrown;
    }
  }

  async #newChannel(): Promise<Channel> {
    const channel = await this.client.connection.createChannel();
    // What went wrong comes to whoever waits; an event that nobody hears would end the process.
    channel.on('error', () => undefined);
    return channel;
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    const { client } = this;
    try {
      return await work();
    } catch (thrown) {
      throw amqpError(client.problem() ?? thrown, client.name, client.url, client.meter);
    }
  }
}

function answersIn(message: ConsumeMessage, ticket: string, ms: number): Answer[] {
  const headers: Record<string, unknown> = message.properties.headers ?? {};
  if (headers['ticket'] !== ticket) return [];
  try {
    const body: unknown = JSON.parse(message.content.toString('utf8'));
    return isRecord(body) ? Object.entries(body).map(([node, value]) => ({ node, value, ms })) : [];
  } catch {
    return [];
  }
}
