import type { App } from '@slack/bolt';
import type { Logger } from 'pino';
import type { Secret } from '../../config/secret.ts';
import type { ReportHealth } from '../chat/contract.ts';
import { problemOf, slackError } from './problems.ts';
import { type Hello, Socket } from './socket.ts';
import { backoff, pause, within } from './wait.ts';

export interface SocketsOptions {
  readonly app: App;
  readonly appToken: Secret;
  readonly api: string;
  readonly health: (part: string) => ReportHealth;
  readonly log: Logger;
  readonly now: () => number;
  readonly pingMs?: number;
  readonly startMs?: number;
  /** Without any socket for that long the Slack side is down. */
  readonly downMs?: number;
  readonly recountMs?: number;
}

/** While one is renewed the other takes what comes; each delivery goes to one of them. */
const SOCKETS = 2;
const PING_MS = 5_000;
const START_MS = 15_000;
const DOWN_MS = 60_000;
const RECOUNT_MS = 60_000;
/** Who joins later is seen at the next hello: one connection is renewed now and then for it. */
const ROUTINE_MS = 10 * 60_000;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 60_000;
/** A connection that stood this long was sound: its end is no failure. */
const SOUND_MS = 5_000;
const CLOSING_MS = 20_000;

const APP_TOKEN_MEND =
  'On api.slack.com/apps, Warroom, "Basic Information", "App-Level Tokens": make one with connections:write and put it (xapp-…) where chat.slack.appToken reads it, then start Warroom again.';
const REFUSED: Readonly<Record<string, string>> = {
  invalid_auth: 'Slack does not know the app-level token',
  not_authed: 'Slack got no app-level token',
  token_revoked: 'the app-level token was revoked',
  account_inactive: 'the app was removed or switched off',
  not_allowed_token_type: 'chat.slack.appToken is not an app-level token (xapp-…)',
  missing_scope: 'the app-level token lacks connections:write',
  forbidden: 'Socket Mode is switched off for the app',
};

/** Keeps two connections up for as long as it is not stopped. */
export class Sockets {
  readonly #stop = new AbortController();
  readonly #open = new Map<number, Socket>();
  #lanes: Promise<void>[] = [];
  #settled: () => void = () => undefined;
  #noneSince: number;
  #trouble: { readonly what: string; readonly mend?: string } | undefined;
  #watch: NodeJS.Timeout | undefined;
  #recount: NodeJS.Timeout | undefined;
  #recounts = 0;
  #closedAt = Number.NEGATIVE_INFINITY;
  appId: string | undefined;

  constructor(private readonly options: SocketsOptions) {
    this.#noneSince = options.now();
  }

  /** Waits for the first connection, or for the first refusal, or so long. */
  async start(waitMs: number): Promise<void> {
    const settled = new Promise<void>((resolve) => {
      this.#settled = resolve;
    });
    this.#noneSince = this.options.now();
    this.#watch = setInterval(() => this.#report(), 5_000);
    this.#watch.unref();
    this.#lanes = Array.from({ length: SOCKETS }, (_, lane) => this.#keep(lane));
    await within(settled, waitMs, () => undefined);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    clearInterval(this.#watch);
    clearTimeout(this.#recount);
    await Promise.all([...this.#open.values()].map((socket) => socket.close()));
    await within(Promise.allSettled(this.#lanes), 3_000, () => undefined);
  }

  async #keep(lane: number): Promise<void> {
    const { signal } = this.#stop;
    for (let failures = 0; !signal.aborted; ) {
      const socket = this.#socket();
      const since = this.options.now();
      try {
        const hello = await socket.open();
        if (signal.aborted) break;
        this.#connected(lane, socket, hello);
        const why = await socket.ended;
        failures =
          this.options.now() - since >= SOUND_MS || why.startsWith('Slack renews') ? 0 : failures + 1;
        this.options.log.info({ lane, why }, 'a Slack socket ended');
      } catch (thrown) {
        failures += 1;
        this.#refused(thrown);
      } finally {
        if (this.#open.delete(lane)) this.#closedAt = this.options.now();
        if (this.#open.size === 0) this.#noneSince = this.options.now();
        // Not waited for: while it closes, the next one opens.
        void socket.close();
      }
      if (!signal.aborted) this.#report();
      if (failures > 0) await pause(backoff(failures, FIRST_RETRY_MS, LAST_RETRY_MS), signal);
    }
  }

  #socket(): Socket {
    const { app, appToken, api, log, pingMs = PING_MS, startMs = START_MS } = this.options;
    return new Socket({ app, appToken, api, log, pingMs, startMs });
  }

  #connected(lane: number, socket: Socket, hello: Hello): void {
    this.#open.set(lane, socket);
    this.#trouble = undefined;
    this.appId = hello.appId ?? this.appId;
    this.#settled();
    this.#report();
    this.#count(lane, hello);
  }

  /** Slack tells each new connection how many the app token has; more than ours means that somebody takes our presses. */
  #count(lane: number, { connections }: Hello): void {
    if (connections === undefined) return;
    const health = this.options.health('app-token');
    clearTimeout(this.#recount);
    if (connections <= SOCKETS) {
      this.#recounts = 0;
      health('ok', 'nobody else uses the app-level token');
      this.#renewIn(lane, ROUTINE_MS * (0.9 + Math.random() / 5));
      return;
    }
    // One of ours that closed just now may still be counted: then the next count decides.
    if (this.#recounts > 0 || this.options.now() - this.#closedAt > CLOSING_MS)
      health(
        'degraded',
        `another program uses this app token: Slack counts ${connections} connections, ${this.#open.size} are ours, so presses and commands get lost there`,
        'Stop the other program, or make a new app-level token ("Basic Information", "App-Level Tokens") and revoke the old one.',
      );
    // Only a new connection is told the count. One of ours that died unnoticed is no longer in it by then.
    this.#recounts += 1;
    this.#renewIn(lane, backoff(this.#recounts, this.options.recountMs ?? RECOUNT_MS, ROUTINE_MS));
  }

  #renewIn(lane: number, ms: number): void {
    this.#recount = setTimeout(() => {
      // Never the only one.
      if (this.#open.size === SOCKETS) void this.#open.get(lane)?.close();
      else this.#renewIn(lane, ms);
    }, ms);
    this.#recount.unref();
  }

  #refused(thrown: unknown): void {
    const code = slackError(thrown);
    const known = code === undefined ? undefined : REFUSED[code];
    this.#trouble =
      known === undefined
        ? { what: problemOf(thrown, 'look').message }
        : { what: `${known} (${code})`, mend: APP_TOKEN_MEND };
    this.options.log.info({ problem: this.#trouble.what }, 'a Slack socket did not open');
    this.#settled();
  }

  #report(): void {
    const health = this.options.health('socket');
    const { what = 'not connected yet', mend } = this.#trouble ?? {};
    if (this.#open.size > 0) {
      if (this.#open.size === SOCKETS) health('ok', 'two sockets are open');
      else health('degraded', `one of two sockets is open${this.#trouble ? `: ${what}` : ''}`, mend);
      return;
    }
    const down =
      mend !== undefined || this.options.now() - this.#noneSince >= (this.options.downMs ?? DOWN_MS);
    health(
      down ? 'down' : 'degraded',
      `no socket is open, so commands and presses do not arrive: ${what}`,
      mend ??
        'Nothing to do while Slack is away: it is tried again. The console has the same commands and buttons.',
    );
  }
}
