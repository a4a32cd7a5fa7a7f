import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect as tlsConnect } from 'node:tls';
import { reason, WarroomError } from '../../errors/catalogue.ts';
import type { Way } from '../links.ts';
import type { BrokerUrl } from './broker-url.ts';

/** Most bytes of one answer: a hostile or broken broker must not fill our memory. */
export const MOST_BYTES = 8 * 1024 * 1024;
/** Bytes of events between two looks; above it a listener pauses until the next. */
export const MOST_HEARD_BYTES = MOST_BYTES / 2;

/** Counts what comes in; over the limit the stream ends. `reset` begins a new answer. */
export class Meter {
  #bytes = 0;
  over = false;

  constructor(
    readonly stream: Duplex,
    readonly most = MOST_BYTES,
  ) {
    // Listening must not start the flow before the protocol's own reader is there.
    const emit = stream.push.bind(stream);
    stream.push = (chunk: unknown, encoding?: BufferEncoding) => {
      if (chunk instanceof Uint8Array) this.#count(chunk.byteLength);
      return emit(chunk, encoding);
    };
  }

  get bytes(): number {
    return this.#bytes;
  }

  reset(): void {
    this.#bytes = 0;
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes <= this.most || this.over) return;
    this.over = true;
    this.stream.destroy();
  }
}

/** A stream to the broker, as its host sees it, with TLS where the URL wants it. */
export async function openStream(way: Way, url: BrokerUrl): Promise<Duplex> {
  const stream = await way.connect(url.address);
  // A late error of a stream that nobody reads any more must not end the process.
  stream.on('error', () => undefined);
  return url.tls ? secured(way, stream, url.tls, url.shown) : stream;
}

function secured(way: Way, stream: Duplex, options: ConnectionOptions, shown: string): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = tlsConnect({ ...options, socket: stream });
    const fail = (problem: string) => {
      socket.destroy();
      stream.destroy();
      reject(
        new WarroomError('TARGET_UNREACHABLE', {
          target: `${way.name} ${shown}`,
          problem: `TLS: ${problem}`,
          mend: 'Name its authority with ?ssl_ca_certs=FILE in the URL, or write ?ssl_cert_reqs=none.',
        }),
      );
    };
    const late = () => fail('no answer in time');
    way.signal.addEventListener('abort', late, { once: true });
    socket.on('error', (error) => fail(reason(error)));
    socket.once('close', () => fail('it was closed'));
    socket.once('secureConnect', () => {
      way.signal.removeEventListener('abort', late);
      resolve(socket);
    });
    if (way.signal.aborted) late();
  });
}
