import { type DefaultRestOptions, DiscordAPIError, HTTPError, REST, type RouteLike } from 'discord.js';
import type { Logger } from 'pino';
import type { Discord } from '../../config/schema.ts';
import type { Secret } from '../../config/secret.ts';
import { readSecret } from '../../config/secrets.ts';
import { reason } from '../../errors/catalogue.ts';
import { TIMINGS } from './timings.ts';

export interface Ask {
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly file?: { readonly name: string; readonly text: string } | undefined;
  /** Answers to interactions carry no token of ours. */
  readonly open?: boolean;
  readonly timeoutMs?: number;
}

type Method = 'GET' | 'POST' | 'PATCH' | 'PUT';

/** Below that, a difference between the clocks is the one second that HTTP dates are rounded to. */
const SKEW_MS = 2_000;

/**
 * Discord's REST interface: one try a call, a deadline each, rate limits as errors. Who calls decides what to try
 * again. A refused token is read anew before the next call, since the library forgets it for good.
 */
export class DiscordRest {
  #rest: REST | undefined;
  #token: Secret;
  #refused = false;
  #skewMs = 0;

  constructor(
    private readonly settings: Discord,
    token: Secret,
    private readonly log: Logger,
    private readonly callMs = TIMINGS.callMs,
    private readonly now: () => number = Date.now,
  ) {
    this.#token = token;
  }

  /** How far this machine's clock is ahead of Discord's; 0 while they agree. */
  get skewMs(): number {
    return Math.abs(this.#skewMs) < SKEW_MS ? 0 : this.#skewMs;
  }

  /** The token as it is now; read from its source again when it was refused. */
  token(): Secret {
    if (!this.#refused) return this.#token;
    this.#refused = false;
    this.#rest = undefined;
    try {
      this.#token = readSecret(this.settings.token, 'chat.discord', 'chat.discord.token');
    } catch (thrown) {
      this.log.warn({ problem: reason(thrown) }, 'Discord: the token could not be read again');
    }
    return this.#token;
  }

  /** Somebody else was told that the token is void. */
  refuse(): void {
    this.#refused = true;
  }

  get<T>(route: RouteLike, ask: Ask = {}): Promise<T> {
    return this.#call('GET', route, ask);
  }
  post<T>(route: RouteLike, ask: Ask): Promise<T> {
    return this.#call('POST', route, ask);
  }
  patch<T>(route: RouteLike, ask: Ask): Promise<T> {
    return this.#call('PATCH', route, ask);
  }
  put<T>(route: RouteLike, ask: Ask = {}): Promise<T> {
    return this.#call('PUT', route, ask);
  }

  async #call<T>(method: Method, route: RouteLike, ask: Ask): Promise<T> {
    const token = this.token();
    this.#rest ??= this.#build().setToken(token.reveal());
    try {
      const answer = await this.#rest.request({
        method: method as never,
        fullRoute: route,
        auth: !ask.open,
        // The signal also ends the wait in the library's own queue, and a body that never ends.
        signal: AbortSignal.timeout(ask.timeoutMs ?? this.callMs),
        ...(ask.query ? { query: new URLSearchParams(ask.query) } : {}),
        ...(ask.body === undefined ? {} : { body: ask.body }),
        ...(ask.file ? { files: [{ name: ask.file.name, data: Buffer.from(ask.file.text) }] } : {}),
      });
      return answer as T;
    } catch (thrown) {
      if (!ask.open && statusOf(thrown) === 401) this.#refused = true;
      throw thrown;
    }
  }

  #build(): REST {
    return new REST({
      api: this.settings.api,
      retries: 0,
      timeout: this.callMs,
      rejectOnRateLimit: () => true,
      // The library's own way goes through the process-wide dispatcher, which another library's undici may have set:
      // files then fail. Node's fetch turns a body into bytes before it hands it over.
      makeRequest: async (url, init) => {
        const answer = await fetched(url, init);
        const date = Date.parse(answer.headers.get('date') ?? '');
        if (Number.isFinite(date)) this.#skewMs = this.now() - date;
        return answer;
      },
    });
  }
}

type MakeRequest = typeof DefaultRestOptions.makeRequest;

/** Node's fetch; what went wrong is thrown as it was, not wrapped in "fetch failed". */
async function fetched(...[url, init]: Parameters<MakeRequest>): ReturnType<MakeRequest> {
  const { method, headers, body, signal } = init;
  try {
    const request = { method, headers, body, signal } as RequestInit;
    return (await fetch(url, request)) as unknown as Awaited<ReturnType<MakeRequest>>;
  } catch (thrown) {
    throw thrown instanceof TypeError && thrown.cause instanceof Error ? thrown.cause : thrown;
  }
}

export function statusOf(thrown: unknown): number | undefined {
  return thrown instanceof DiscordAPIError || thrown instanceof HTTPError ? thrown.status : undefined;
}

/** Discord's own code of an error, such as 10008. */
export function codeOf(thrown: unknown): number | undefined {
  return thrown instanceof DiscordAPIError && typeof thrown.code === 'number' ? thrown.code : undefined;
}
