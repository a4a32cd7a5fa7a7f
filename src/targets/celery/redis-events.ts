import { WarroomError } from '../../errors/catalogue.ts';
import type { Heard, Listener } from './contract.ts';
import { Ear } from './ear.ts';
import { openEnvelope } from './message.ts';
import { channelsOf, type RedisPlace } from './redis.ts';
import { type RedisClient, redisError } from './redis-client.ts';
import { MOST_HEARD_BYTES } from './stream.ts';

/** Subscribed to what workers publish (`celeryev`). A subscription is gone with its connection. */
export class RedisListener implements Listener {
  readonly #ear = new Ear();
  #paused = false;

  constructor(
    private readonly client: RedisClient,
    private readonly place: RedisPlace,
  ) {
    client.redis.on('pmessage', (_pattern: string, _channel: string, text: string) => this.#heard(text));
  }

  async listen(): Promise<void> {
    const patterns = channelsOf('celeryev', this.place).map((channel) => `${escaped(channel)}/*`);
    try {
      await this.client.redis.psubscribe(...patterns);
    } catch (thrown) {
      throw redisError(thrown, this.client.name, this.client.meter);
    }
  }

  async drain(): Promise<Heard> {
    if (this.client.redis.status !== 'ready')
      throw new WarroomError('TARGET_UNREACHABLE', {
        target: this.client.name,
        problem: 'the connection on which it listened was closed',
        mend: 'It is opened again by itself.',
      });
    const heard = this.#ear.take();
    this.client.meter.reset();
    if (this.#paused) {
      this.#paused = false;
      await this.listen();
    }
    this.#ear.resume();
    return heard;
  }

  close(): void {
    this.client.close();
  }

  #heard(text: string): void {
    this.#ear.hear(openEnvelope(text)?.body);
    if (this.#paused || this.client.meter.bytes < MOST_HEARD_BYTES) return;
    this.#paused = true;
    this.#ear.pause();
    this.client.redis.punsubscribe().catch(() => undefined);
  }
}

/** Signs that PSUBSCRIBE takes for a pattern. */
function escaped(channel: string): string {
  return channel.replace(/[\\*?[\]]/g, '\\$&');
}
