import type { Duplex } from 'node:stream';
import { reason, WarroomError } from '../errors/catalogue.ts';
import type { SocketAddress, Target } from './contract.ts';

export interface AskOptions {
  readonly signal: AbortSignal;
  readonly maxBytes?: number;
  readonly timeoutMs?: number;
  /**
   * Whether that is all. Without it the answer ends with the stream; but over SSH the end of a stream comes 40 ms after
   * its last bytes: sshd keeps small packets back until those before were acknowledged (Nagle, delayed ACK).
   */
  readonly whole?: (text: string) => boolean;
}

const MAX_BYTES = 1024 * 1024;
const TIMEOUT_MS = 4000;

/** `/run/x.sock`, `unix:/run/x.sock`, `127.0.0.1:9191`, `[::1]:9191`, `:9191` or `9191` as a config writes it. */
export function socketAddress(written: string): SocketAddress {
  const path = /^(?:unix[:@])?(\/.*)$/.exec(written)?.[1];
  if (path !== undefined) return { path };
  const [, host, port] = /^(?:\[?([^\]]*?)\]?:)?(\d+)$/.exec(written) ?? [];
  return { host: host === undefined || host === '' || host === '*' ? '127.0.0.1' : host, port: Number(port) };
}

/** Sends one question (or none) to a socket of a target and gives all that it says until it closes. */
export async function askSocket(
  target: Target,
  address: SocketAddress,
  question: string,
  options: AskOptions,
): Promise<string> {
  const where = 'path' in address ? address.path : `${address.host}:${address.port}`;
  const maxBytes = options.maxBytes ?? MAX_BYTES;
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(timeoutMs)]);
  const stream = await target.connect(address, { timeoutMs, signal });
  let end = () => {};
  // A channel of SSH does not pass on why it was destroyed: it would end like a whole answer.
  const late = new Promise<never>((_, reject) => {
    end = () =>
      reject(new WarroomError('TARGET_DEADLINE', { target: target.name, command: where, timeoutMs }));
  });
  if (signal.aborted) end();
  signal.addEventListener('abort', end, { once: true });
  try {
    if (question !== '') stream.write(question);
    const answer = readAll(stream, target.name, where, maxBytes, options.whole);
    answer.catch(() => undefined);
    return await Promise.race([answer, late]);
  } catch (thrown) {
    if (thrown instanceof WarroomError) throw thrown;
    throw new WarroomError(
      'BAD_ANSWER',
      { target: target.name, expected: `one of ${where}`, problem: reason(thrown) },
      thrown,
    );
  } finally {
    signal.removeEventListener('abort', end);
    // A late error of a stream that nobody reads any more must not end the process.
    stream.on('error', () => undefined);
    stream.destroy();
  }
}

async function readAll(
  stream: Duplex,
  target: string,
  command: string,
  maxBytes: number,
  whole: AskOptions['whole'],
): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new WarroomError('TARGET_CUT', { target, command, maxBytes });
    chunks.push(chunk);
    // Only a chunk that could be the last: an answer in many chunks is not put together at each of them.
    if (whole && /[}\s]$/.test(chunk.subarray(-1).toString('latin1'))) {
      const text = Buffer.concat(chunks).toString('utf8');
      if (whole(text)) return text;
    }
  }
  return Buffer.concat(chunks).toString('utf8');
}
