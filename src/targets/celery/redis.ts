import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, Asked, Broker, Depth, Depths, Question, Waiting } from './contract.ts';
import { envelope, isRecord, openEnvelope, requestBody, requestHeaders } from './message.ts';
import { type RedisClient, redisError } from './redis-client.ts';
import { waitingOf } from './waiting.ts';

/**
 * Celery's remote control over Redis as kombu does it (transport/redis.py, pidbox.py): a request is published to
 * the workers' channel; each worker looks up the lists bound to the reply exchange and pushes its answer there.
 *
 * Nothing of ours may stay behind, however this ends: the reply exchange is one of our own, so that its binding can
 * expire, and the reply list exists with a time to live, kept alive by a mark, before anybody answers into it.
 * That is why answers are looked for instead of waited for by BRPOP: a blocked list has no mark, and what came after
 * a cut would stay for ever.
 */
const REPLY_EXCHANGE = 'reply.warroom.pidbox';
const REQUEST_EXCHANGE = 'celery.pidbox';
const BOUND = '\x06\x16\x06\x16';
const SEPARATOR = '\x06\x16';
const LIFE_S = 60;
const MARK = '';
/** kombu's default priority_steps. */
const STEPS = [0, 3, 6, 9] as const;
const WAIT_MS = 1000;
const MOST_PEEKED = 256 * 1024;
const FIRST_LOOK_MS = 4;
const LONGEST_LOOK_MS = 100;

export interface RedisPlace {
  readonly db: number;
  /** Celery's global_keyprefix. */
  readonly prefix: string;
}

export class RedisBroker implements Broker {
  readonly transport = 'redis';
  /** One for the life of a client: workers keep what they know of it. */
  readonly #oid = randomUUID();
  /** The channel that workers were found on last: fanout_prefix may be off, and older versions did not prefix it. */
  #channel: string;

  constructor(
    private readonly client: RedisClient,
    private readonly place: RedisPlace,
  ) {
    this.#channel = this.#channels()[0] as string;
  }

  async ask(question: Question): Promise<Asked> {
    const { redis, meter } = this.client;
    meter.reset();
    const waitMs = question.waitMs ?? WAIT_MS;
    const began = performance.now();
    const ticket = randomUUID();
    const list = `${this.#oid}.${REPLY_EXCHANGE}`;
    const body = requestBody({
      method: question.method,
      arguments: question.arguments ?? {},
      destination: question.nodes ?? null,
      ticket,
      replyTo: { exchange: REPLY_EXCHANGE, routingKey: this.#oid },
    });
    const message = envelope(body, REQUEST_EXCHANGE, requestHeaders(Date.now() / 1000 + waitMs / 1000));
    try {
      const subscribed = await this.#publish(list, message);
      const most = Math.min(subscribed, question.nodes?.length ?? subscribed);
      const answers = await this.#gather(list, ticket, most, began, waitMs);
      const exec = redis.multi().srem(this.#key(`_kombu.binding.${REPLY_EXCHANGE}`), this.#binding(list));
      // With somebody silent the list stays, emptied, for its last seconds: a late answer goes with it.
      const all = answers.length >= most;
      await done(all ? exec.del(this.#key(list)) : exec.ltrim(this.#key(list), -1, -1));
      return { answers, subscribed };
    } catch (thrown) {
      throw redisError(thrown, this.client.name, meter);
    }
  }

  async depths(queues: readonly string[]): Promise<Depths> {
    const { redis, meter } = this.client;
    meter.reset();
    try {
      const look = redis.pipeline();
      for (const queue of queues) for (const step of STEPS) look.llen(this.#key(stepped(queue, step)));
      look.hlen(this.#key('unacked'));
      const counts = (await done(look)).map(Number);
      const unacked = counts.pop() ?? 0;
      return {
        unacked,
        queues: queues.map((queue, i): Depth => {
          const byPriority = counts.slice(i * STEPS.length, (i + 1) * STEPS.length);
          return { queue, ready: byPriority.reduce((sum, count) => sum + count, 0), byPriority };
        }),
      };
    } catch (thrown) {
      throw redisError(thrown, this.client.name, meter);
    }
  }

  async peek(queue: string, most: number): Promise<readonly Waiting[]> {
    const { meter } = this.client;
    meter.reset();
    const found: Waiting[] = [];
    try {
      // Workers take what has the lowest number first.
      for (const step of STEPS)
        if (found.length < most) found.push(...(await this.#head(stepped(queue, step), most - found.length)));
      return found;
    } catch (thrown) {
      throw redisError(thrown, this.client.name, meter);
    }
  }

  listens(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  close(): void {
    this.client.close();
  }

  /** Messages are pushed at the left and taken at the right. One is looked at first: its size says how many more. */
  async #head(list: string, most: number): Promise<Waiting[]> {
    const { redis } = this.client;
    const [oldest] = await redis.lrange(this.#key(list), -1, -1);
    if (oldest === undefined) return [];
    const room = Math.min(most, Math.floor(MOST_PEEKED / Math.max(1, oldest.length)));
    const texts = room > 1 ? await redis.lrange(this.#key(list), -room, -1) : [oldest];
    return texts.reverse().flatMap((text) => {
      const message = openEnvelope(text);
      return message ? [waitingOf(message)] : [];
    });
  }

  /** Binds and publishes at once; gives how many were listening. */
  async #publish(list: string, message: string): Promise<number> {
    const bindings = this.#key(`_kombu.binding.${REPLY_EXCHANGE}`);
    const results = await done(
      this.client.redis
        .multi()
        .del(this.#key(list))
        .rpush(this.#key(list), MARK)
        .expire(this.#key(list), LIFE_S)
        .sadd(bindings, this.#binding(list))
        .expire(bindings, LIFE_S)
        .publish(this.#channel, message),
    );
    const heard = Number(results.at(-1));
    if (heard > 0) return heard;
    for (const channel of this.#channels().filter((one) => one !== this.#channel)) {
      const others = await this.client.redis.publish(channel, message);
      if (others === 0) continue;
      this.#channel = channel;
      return others;
    }
    return 0;
  }

  /** Answers stand left of the mark, the newest first: only those that were not seen yet are fetched. */
  async #gather(
    list: string,
    ticket: string,
    most: number,
    began: number,
    waitMs: number,
  ): Promise<Answer[]> {
    const answers: Answer[] = [];
    let seen = 0;
    let pauseMs = FIRST_LOOK_MS;
    while (answers.length < most) {
      const left = began + waitMs - performance.now();
      if (left <= 0) break;
      await sleep(Math.min(pauseMs, left));
      pauseMs = Math.min(LONGEST_LOOK_MS, pauseMs * 1.6);
      const texts = await this.client.redis.lrange(this.#key(list), 0, -(seen + 2));
      seen += texts.length;
      for (const text of texts.reverse()) answers.push(...answersIn(text, ticket, performance.now() - began));
    }
    return answers;
  }

  #binding(list: string): string {
    return `${this.#oid}${BOUND}${list}`;
  }

  #key(name: string): string {
    return `${this.place.prefix}${name}`;
  }

  #channels(): string[] {
    return channelsOf(REQUEST_EXCHANGE, this.place);
  }
}

function stepped(queue: string, step: number): string {
  return step === 0 ? queue : `${queue}${SEPARATOR}${step}`;
}

/** Where a fanout exchange's messages may be published; the usual one first. */
export function channelsOf(exchange: string, { db, prefix }: RedisPlace): string[] {
  return [...new Set([`${prefix}/${db}.${exchange}`, `/${db}.${exchange}`, `${prefix}${exchange}`])];
}

function answersIn(text: string, ticket: string, ms: number): Answer[] {
  const message = openEnvelope(text);
  if (!message || message.headers['ticket'] !== ticket || !isRecord(message.body)) return [];
  return Object.entries(message.body).map(([node, value]) => ({ node, value, ms }));
}

interface Batch {
  exec(): Promise<[error: Error | null, result: unknown][] | null>;
}

/** The results of a pipeline or transaction; throws the first error of it. */
async function done(batch: Batch): Promise<unknown[]> {
  const results = await batch.exec().catch((thrown: unknown) => {
    // What was wrong with a transaction was said before it was thrown away.
    throw (thrown as { previousErrors?: readonly unknown[] }).previousErrors?.[0] ?? thrown;
  });
  if (!results) throw new Error('Redis took nothing of it');
  for (const [error] of results) if (error) throw error;
  return results.map(([, result]) => result);
}
