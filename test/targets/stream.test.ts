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

test('an answer that is whole is given without waiting for the end of the stream', async () => {
  const target = new LocalTarget('here', 'reading');
  const channel = new Channel();
  channel.write('{\n\t"a": {},\n');
  target.connect = async () => channel;
  const asked = askSocket(target, { host: '127.0.0.1', port: 1 }, '', {
    signal: AbortSignal.timeout(5_000),
    whole: (text) => text.endsWith('\n}'),
  });
  channel.write('\t"b": 1\n}');
  expect(await asked).toBe('{\n\t"a": {},\n\t"b": 1\n}');
});
