import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { LocalTarget } from '../../src/targets/local.ts';
import { askSocket } from '../../src/targets/stream.ts';

/** As a channel of ssh2: destroyed for whatever reason, it just ends. */
class Channel extends PassThrough {
  override destroy(): this {
    this.push(null);
    return this;
  }
}

test('a server that accepts and says nothing, or half, has missed its deadline', async () => {
  for (const said of ['', '{"half":']) {
    const target = new LocalTarget('here', 'reading');
    const channel = new Channel();
    channel.write(said);
    target.connect = async () => channel;
    const signal = AbortSignal.timeout(5_000);
    await expect(
      askSocket(target, { host: '127.0.0.1', port: 1 }, '', { signal, timeoutMs: 50 }),
    ).rejects.toMatchObject({ code: 'TARGET_DEADLINE' });
  }
});
