import { setTimeout as sleep } from 'node:timers/promises';
import { type APIGatewayBotInfo, type APIInteraction, Routes } from 'discord.js';
import type { Discord } from '../../config/schema.ts';
import { reason } from '../../errors/catalogue.ts';
import { clock } from '../../message/plain.ts';
import type { ChatContext, ReportHealth } from '../chat/contract.ts';
import { Connection, type Lost } from './connection.ts';
import { type Mends, mends } from './mends.ts';
import { problemOf } from './problems.ts';
import { type DiscordRest, statusOf } from './rest.ts';
import type { Timings } from './timings.ts';

export interface GatewayOptions {
  readonly settings: Discord;
  readonly rest: DiscordRest;
  readonly context: ChatContext;
  readonly timings: Timings;
  readonly onInteraction: (interaction: APIInteraction) => void;
  /** A new session stands. */
  readonly onReady: (application: string) => void;
}

/**
 * Keeps one gateway connection alive for as long as it is not stopped: what the library mends by itself is left to
 * it, what it does not (a silent socket, a fatal close, a refused login) is thrown away and begun anew, with backoff.
 */
export class Gateway {
  readonly #identifies: number[] = [];
  readonly #stop = new AbortController();
  readonly #report: ReportHealth;
  readonly #mends: Mends;
  #running: Promise<void> | undefined;
  #settled: () => void = () => undefined;

  constructor(private readonly options: GatewayOptions) {
    this.#report = options.context.health('socket');
    this.#mends = mends(options.settings);
  }

  /** Resolves when the first attempt has ended, well or not, or took too long to be waited for. */
  async start(): Promise<void> {
    const first = new Promise<void>((resolve) => {
      this.#settled = resolve;
    });
    this.#running = this.#loop();
    await Promise.race([
      first,
      sleep(this.options.timings.startMs, undefined, { signal: this.#stop.signal, ref: false }),
    ]).catch(() => undefined);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #loop(): Promise<void> {
    const { timings, context } = this.options;
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      const begun = Date.now();
      let lost: Lost;
      try {
        lost = await this.#once();
      } catch (thrown) {
        lost = { what: `the connection failed: ${reason(thrown)}` };
      }
      this.#settled();
      if (this.#stop.signal.aborted) return;
      // A connection that stood for a while was a good one.
      failures = Date.now() - begun > timings.stableMs ? 1 : failures + 1;
      const backoff = Math.min(timings.lastRetryMs, timings.firstRetryMs * 2 ** Math.min(20, failures - 1));
      const waitMs = Math.max(lost.waitMs ?? 0, backoff) * (0.75 + Math.random() / 4);
      context.log.warn({ problem: lost.what, waitMs: Math.round(waitMs) }, 'Discord: connects anew');
      this.#report('down', lost.what, lost.mend);
      await sleep(waitMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    }
  }

  /** One connection from login to loss. */
  async #once(): Promise<Lost> {
    const { rest, context, timings } = this.options;
    const refusal = (await this.#refusal()) ?? this.#tooMany();
    if (refusal) return refusal;
    const connection = new Connection({
      ...this.options,
      token: rest.token(),
      identifying: () => this.#identifies.push(Date.now()),
      tooMany: () => this.#tooMany(),
      report: this.#report,
    });
    const stopped = () => connection.lose({ what: 'stopped' });
    this.#stop.signal.addEventListener('abort', stopped, { once: true });
    try {
      const lost = await connection.run((application) => {
        this.#report('ok', 'connected');
        this.#settled();
        this.options.onReady(application);
      });
      if (lost.token) rest.refuse();
      return lost.token ? { ...lost, mend: this.#mends.token } : lost;
    } finally {
      this.#stop.signal.removeEventListener('abort', stopped);
      await connection
        .dispose(timings.disposeMs)
        .catch((thrown: unknown) =>
          context.log.warn({ problem: reason(thrown) }, 'Discord: the old connection did not end well'),
        );
    }
  }

  /** Asks before it logs in: a refused token and used-up sessions are told apart from an outage. */
  async #refusal(): Promise<Lost | undefined> {
    const { rest, context, timings } = this.options;
    try {
      const { session_start_limit: limit } = await rest.get<APIGatewayBotInfo>(Routes.gatewayBot());
      if (limit.remaining > 0) return undefined;
      const until = clock(Date.now() + limit.reset_after, false, context.config().launch.timezone);
      return {
        what: `Discord allows no new connection until ${until}: all ${limit.total} of the day are used`,
        mend: 'Something logs in with the same token again and again: stop it, or reset the token.',
        waitMs: Math.min(limit.reset_after, timings.sessionsMs),
      };
    } catch (thrown) {
      if (statusOf(thrown) === 401)
        return { what: 'Discord refuses the token', mend: this.#mends.token, waitMs: timings.tokenMs };
      const problem = problemOf(thrown, 'change', this.#mends);
      return {
        what: problem.message,
        ...(problem.afterMs === undefined ? {} : { waitMs: problem.afterMs }),
        ...(problem.mend === undefined ? {} : { mend: problem.mend }),
      };
    }
  }

  /** Discord resets the token of a bot that identifies 1000 times a day; we stay far below. */
  #tooMany(): Lost | undefined {
    const { timings } = this.options;
    const since = Date.now() - 3_600_000;
    while ((this.#identifies[0] ?? since) < since) this.#identifies.shift();
    const [oldest] = this.#identifies;
    if (oldest === undefined || this.#identifies.length < timings.identifiesAnHour) return undefined;
    return {
      what: `Discord ended the connection ${this.#identifies.length} times within an hour; waiting before the next try`,
      mend: 'See whether another process uses the same token. Buttons do the same in the console meanwhile.',
      waitMs: Math.max(0, oldest - since),
    };
  }
}
