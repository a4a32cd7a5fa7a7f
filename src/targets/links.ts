import type { Duplex } from 'node:stream';
import type { SecretSource, ServerSource } from '../config/schema.ts';
import type { Secret } from '../config/secret.ts';
import { WarroomError } from '../errors/catalogue.ts';
import type { SocketAddress, Target } from './contract.ts';

/** What a client needs in order to come to be. */
export interface Way {
  /** Whose server it is, for the sentences of errors. */
  readonly name: string;
  readonly url: Secret;
  /** Another secret of the config, where the URL does not hold all of it. */
  secret(source: SecretSource): Secret;
  /** Aborted when the caller gives up. */
  readonly signal: AbortSignal;
  /** A stream to an address as the server's host sees it; from this machine where the service has no host. */
  connect(address: SocketAddress): Promise<Duplex>;
}

/** How one kind of server is spoken to. */
export interface LinkKind<C> {
  readonly id: string;
  /** Connects and signs in. Throws TARGET_UNREACHABLE, or NO_RIGHT with the line that mends it. */
  open(way: Way): Promise<C>;
  /** Ends it at once, whatever is in flight; never throws. */
  close(client: C): void;
  /** Whether the client may be used again after its work threw this; the default is no. */
  survives?(thrown: unknown): boolean;
}

export interface LinkUse {
  readonly via: Target;
  readonly source: ServerSource;
  readonly signal: AbortSignal;
}

/** Clients of one server at once: cheap reads must not wait behind a dear one, and the server must not notice us. */
const MOST = 3;
const MOST_WAITING = 32;
const IDLE_MS = 90_000;

interface Kept<C> {
  readonly client: C;
  readonly kind: LinkKind<C>;
  since: number;
}

interface Pool {
  readonly free: Kept<unknown>[];
  busy: number;
  readonly waiting: (() => void)[];
}

/** Clients of servers, opened on first use and kept between rounds; each is used by one caller at a time. */
export class Links {
  readonly #pools = new Map<string, Pool>();
  readonly #inUse = new Set<Kept<unknown>>();
  #closed = false;

  constructor(
    private readonly secretOf: (source: ServerSource) => Secret,
    private readonly now: () => number = Date.now,
  ) {}

  /**
   * Works with a client. When the signal is aborted the client is ended, the server's side with it, and
   * TARGET_DEADLINE is thrown.
   */
  async use<C, R>(
    kind: LinkKind<C>,
    { via, source, signal }: LinkUse,
    work: (client: C) => Promise<R>,
  ): Promise<R> {
    const pool = this.#pool(JSON.stringify([kind.id, via.name, via.account, source]));
    const started = this.now();
    const late = () =>
      new WarroomError('TARGET_DEADLINE', {
        target: via.name,
        command: kind.id,
        timeoutMs: this.now() - started,
      });
    await this.#turn(pool, signal, late);
    let kept: Kept<C> | undefined;
    let end: (() => void) | undefined;
    let fine = false;
    try {
      kept = pool.free.pop() as Kept<C> | undefined;
      if (!kept) {
        const opening = kind.open({
          name: via.name,
          url: this.secretOf(source),
          secret: this.secretOf,
          signal,
          connect: (address) => via.connect(address, { signal }),
        });
        const client = await orAbort(opening, signal, late, (tooLate) => kind.close(tooLate));
        kept = { client, kind, since: this.now() };
      }
      const { client } = kept;
      this.#inUse.add(kept);
      end = () => kind.close(client);
      const result = await orAbort(work(client), signal, late);
      fine = true;
      return result;
    } catch (thrown) {
      fine = kept !== undefined && !signal.aborted && (kind.survives?.(thrown) ?? false);
      throw thrown;
    } finally {
      if (kept) {
        this.#inUse.delete(kept);
        if (fine && !this.#closed) {
          kept.since = this.now();
          pool.free.push(kept);
        } else end?.();
      }
      release(pool);
      this.#sweep();
    }
  }

  close(): void {
    this.#closed = true;
    for (const pool of this.#pools.values())
      for (const { kind, client } of pool.free.splice(0)) kind.close(client);
    for (const { kind, client } of this.#inUse) kind.close(client);
  }

  #pool(key: string): Pool {
    const known = this.#pools.get(key) ?? { free: [], busy: 0, waiting: [] };
    this.#pools.set(key, known);
    return known;
  }

  async #turn(pool: Pool, signal: AbortSignal, late: () => Error): Promise<void> {
    if (signal.aborted || pool.waiting.length >= MOST_WAITING) throw late();
    if (pool.busy >= MOST) {
      let go: () => void = () => undefined;
      const turn = new Promise<void>((resolve) => {
        go = resolve;
        pool.waiting.push(resolve);
      });
      await orAbort(turn, signal, late).catch((thrown: unknown) => {
        const at = pool.waiting.indexOf(go);
        if (at >= 0) pool.waiting.splice(at, 1);
        // It was called just as it gave up: the next one's turn.
        else release(pool);
        throw thrown;
      });
    } else pool.busy += 1;
  }

  /** One client a server stays; others that nobody used for a while are ended. */
  #sweep(): void {
    for (const pool of this.#pools.values()) {
      while (pool.free.length > 1) {
        const oldest = pool.free[0] as Kept<unknown>;
        if (this.now() - oldest.since < IDLE_MS) break;
        pool.free.shift();
        oldest.kind.close(oldest.client);
      }
    }
  }
}

/** A turn goes from hand to hand while somebody waits, so that nobody slips in between. */
function release(pool: Pool): void {
  const next = pool.waiting.shift();
  if (next) next();
  else pool.busy -= 1;
}

function orAbort<T>(
  work: Promise<T>,
  signal: AbortSignal,
  late: () => Error,
  tooLate: (value: T) => void = () => undefined,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let over = false;
    const onAbort = () => {
      over = true;
      reject(late());
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    work
      .then((value) => (over ? tooLate(value) : resolve(value)), reject)
      .finally(() => signal.removeEventListener('abort', onAbort));
  });
}
