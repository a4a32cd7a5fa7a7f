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
    // The same patterns again change nothing, and the answer shows that somebody is still there.
    await this.listen();
    this.#paused = false;
    const heard = this.#ear.take();
    this.client.meter.reset();
    this.#ear.resume();
    return heard;
  }

  close(): void {
    this.client.close();
  }

  async rest(): Promise<void> {
    await this.#stop(false);
  }

  #heard(text: string): void {
    if (this.#paused) return;
    this.#ear.hear(openEnvelope(text)?.body);
    if (this.client.meter.bytes > MOST_HEARD_BYTES) this.#stop(true).catch(() => undefined);
  }

  async #stop(overrun: boolean): Promise<void> {
    if (this.#paused) return;
    this.#paused = true;
    this.#ear.pause(overrun);
    await this.client.redis.punsubscribe();
  }
}

/** Signs that PSUBSCRIBE takes for a pattern. */
function escaped(channel: string): string {
  return channel.replace(/[\\*?[\]]/g, '\\$&');
}
