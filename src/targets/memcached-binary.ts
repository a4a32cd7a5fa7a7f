import type { Duplex } from 'node:stream';
import memjs from 'memjs';
import { reason, WarroomError } from '../errors/catalogue.ts';
import { type Door, openDoor } from './memcached-door.ts';

/** Opcode of memcached's binary protocol for "version", which touches no item. */
const VERSION = 0x0b;
/** The deadlines are ours; the library's own comes after all of them. */
const LIBRARY_SECONDS = 30;
const MAX_BYTES = 2 * 1024 * 1024;

/** Who signs in, in clear: for the library alone. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** memcached's binary protocol as memjs speaks it, over a stream that we opened. */
export class MemcachedBinary {
  private constructor(
    private readonly name: string,
    private readonly client: memjs.Client,
    private readonly door: Door,
  ) {}

  static async open(
    name: string,
    stream: Duplex,
    credentials: Credentials | undefined,
  ): Promise<MemcachedBinary> {
    const door = await openDoor(stream);
    // memjs hands its "port" to net.connect as it is, which takes a path there as well.
    const path = door.path as unknown as number;
    // Without a user of ours it would look for one in the environment.
    const server = new memjs.Server('door', path, credentials?.user ?? '', credentials?.password ?? '', {
      timeout: LIBRARY_SECONDS,
    });
    const client = new memjs.Client([server], { retries: 1, logger: { log: () => undefined } });
    return new MemcachedBinary(name, client, door);
  }

  /** Throws what memjs says of it, Error or text; TARGET_CUT beyond 2 MiB. */
  stats(group: string): Promise<Map<string, string>> {
    return this.#within<Map<string, string>>('stats', (resolve, reject) =>
      // The callback comes once a server, and there is one.
      this.client.statsWithKey(group, (problem, _server, stats) => {
        if (problem) reject(problem);
        else resolve(new Map(Object.entries(stats ?? {})));
      }),
    );
  }

  version(): Promise<void> {
    return this.#within<void>('version', (resolve, reject) => {
      this.client.incrSeq();
      const request = memjs.Utils.makeRequestBuffer(VERSION, '', '', '', this.client.seq);
      this.client.perform('', request, this.client.seq, (problem) => (problem ? reject(problem) : resolve()));
    });
  }

  end(): void {
    this.client.close();
    this.door.close();
  }

  /** memjs calls nobody back when the connection ends, and takes answers of any length. */
  #within<T>(
    what: string,
    ask: (resolve: (value: T) => void, reject: (thrown: unknown) => void) => void,
  ): Promise<T> {
    const before = this.door.received();
    return new Promise<T>((resolve, reject) => {
      const watch = setInterval(() => {
        if (this.door.received() - before <= MAX_BYTES) return;
        reject(new WarroomError('TARGET_CUT', { target: this.name, command: what, maxBytes: MAX_BYTES }));
        this.end();
      }, 20);
      const done =
        <A extends unknown[]>(then: (...values: A) => void) =>
        (...values: A) => {
          clearInterval(watch);
          then(...values);
        };
      const failed = done(reject);
      this.door.ended.then(() => failed(new Error('it ended the connection')));
      ask(done(resolve), (thrown) => failed(thrown instanceof Error ? thrown : new Error(reason(thrown))));
    });
  }
}
