import {
  type APIInteraction,
  Client,
  Events,
  GatewayCloseCodes,
  GatewayDispatchEvents,
  GatewayIntentBits,
  type GatewayReadyDispatchData,
  type IIdentifyThrottler,
  Options,
} from 'discord.js';
import type { Discord } from '../../config/schema.ts';
import type { Secret } from '../../config/secret.ts';
import { reason } from '../../errors/catalogue.ts';
import type { ChatContext, ReportHealth } from '../chat/contract.ts';
import { identifyThrottler } from './identify.ts';
import type { Timings } from './timings.ts';

/** Why a connection ended. */
export interface Lost {
  readonly what: string;
  readonly mend?: string;
  readonly waitMs?: number;
  /** The token is void. */
  readonly token?: boolean;
}

export interface ConnectionOptions {
  readonly settings: Discord;
  readonly context: ChatContext;
  readonly timings: Timings;
  readonly token: Secret;
  readonly report: ReportHealth;
  readonly onInteraction: (interaction: APIInteraction) => void;
  /** Called right before each identify. */
  readonly identifying: () => void;
  readonly tooMany: () => Lost | undefined;
}

/** One discord.js client from its login until it is lost, and the watch over it. */
export class Connection {
  readonly #client: Client;
  readonly #lost: Promise<Lost>;
  #lose: (lost: Lost) => void = () => undefined;
  #over = false;
  #lastError = '';
  /** Since when the socket is gone; undefined while it stands. */
  #awaySince: number | undefined = Date.now();
  #lastAck = Date.now();
  #lastBeat = -1;
  #beatMs: number;

  constructor(private readonly options: ConnectionOptions) {
    this.#beatMs = options.timings.beatMs;
    this.#lost = new Promise((resolve) => {
      this.#lose = resolve;
    });
    this.#client = this.#build();
  }

  /** Ends it. */
  lose(lost: Lost): void {
    this.#over = true;
    this.#lose(lost);
  }

  /** Resolves when it is lost, with the reason. */
  async run(ready: (application: string) => void): Promise<Lost> {
    const { timings, token } = this.options;
    this.#client.ws.on(GatewayDispatchEvents.Ready, ({ application }: GatewayReadyDispatchData) => {
      if (!this.#over) ready(application.id);
    });
    const deadline = setTimeout(
      () => this.lose({ what: `Discord did not finish the login within ${timings.connectMs / 1000} s` }),
      timings.connectMs,
    );
    const watch = setInterval(() => this.#look(), timings.lookMs);
    this.#client
      .login(token.reveal())
      .catch((thrown: unknown) => this.lose(failedLogin(thrown, this.#lastError)))
      .finally(() => clearTimeout(deadline));
    try {
      return await this.#lost;
    } finally {
      clearTimeout(deadline);
      clearInterval(watch);
    }
  }

  /** Lets go of it; not longer than that, since a dead peer keeps a close waiting. */
  async dispose(timeoutMs: number): Promise<void> {
    this.#over = true;
    this.#client.removeAllListeners();
    // What still fails in there is nobody's business; without a listener it would end the process.
    this.#client.on(Events.Error, () => undefined);
    this.#client.ws.removeAllListeners();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([this.#client.destroy(), late]);
    clearTimeout(timer);
  }

  #build(): Client {
    const { settings, onInteraction, context, timings } = this.options;
    const client = new Client({
      intents: [GatewayIntentBits.Guilds],
      rest: { api: settings.api, retries: 0, rejectOnRateLimit: () => true, timeout: timings.connectMs },
      makeCache: Options.cacheWithLimits({
        ...Options.DefaultMakeCacheSettings,
        MessageManager: 0,
        GuildMemberManager: 0,
      }),
      ws: { buildIdentifyThrottler: (manager) => this.#throttler(() => void manager.destroy()) },
    });
    client.on(Events.Error, (error) => this.#failed(error));
    client.on(Events.ShardError, (error) => this.#failed(error));
    client.on(Events.Warn, (what) => context.log.warn({ what }, 'Discord: the library warns'));
    client.on(Events.ShardDisconnect, ({ code }) => this.lose(closed(code)));
    client.on(Events.ShardReconnecting, () => {
      this.#awaySince ??= Date.now();
    });
    for (const event of [Events.ShardReady, Events.ShardResume] as const)
      client.on(event, () => this.#here());
    // Straight from the socket: neither the library's caches nor its readiness can hold an interaction back.
    client.ws.on(GatewayDispatchEvents.InteractionCreate, (interaction: APIInteraction) => {
      if (!this.#over) onInteraction(interaction);
    });
    return client;
  }

  #throttler(destroy: () => void): IIdentifyThrottler {
    return identifyThrottler({
      eachMs: this.options.timings.identifyEachMs,
      over: () => this.#over,
      destroy,
      identifying: () => {
        const tooMany = this.options.tooMany();
        if (tooMany) this.lose(tooMany);
        else this.options.identifying();
      },
    });
  }

  #failed(error: Error): void {
    this.#lastError = reason(error);
    this.options.context.log.warn({ problem: this.#lastError }, 'Discord: the connection reports an error');
  }

  #here(): void {
    this.#awaySince = undefined;
    this.options.report('ok', 'connected');
  }

  /** Health comes from beats that are answered; `isReady` of the library stays true over a dead socket. */
  #look(): void {
    const { timings, report } = this.options;
    const now = Date.now();
    const beat = this.#client.ws.shards.first()?.lastPingTimestamp ?? -1;
    if (beat > 0 && beat !== this.#lastBeat) {
      if (this.#lastBeat > 0) this.#beatMs = Math.max(beat - this.#lastBeat, timings.lookMs);
      this.#lastBeat = beat;
      this.#lastAck = now;
    }
    const silent = now - this.#lastAck;
    if (silent > timings.beats * this.#beatMs)
      this.lose({ what: `Discord has answered no beat for ${Math.round(silent / 1000)} s` });
    const away = this.#awaySince === undefined ? 0 : now - this.#awaySince;
    if (away > timings.awayMs)
      this.lose({ what: `no connection to Discord for ${Math.round(away / 1000)} s` });
    else if (away > timings.awayMs / 4)
      report('degraded', 'the connection to Discord is being taken up again');
  }
}

function closed(code: number): Lost {
  if (code === GatewayCloseCodes.AuthenticationFailed)
    return { what: 'Discord refuses the token (4004)', token: true };
  return { what: `Discord ended the connection for good (${code} ${GatewayCloseCodes[code] ?? ''})`.trim() };
}

function failedLogin(thrown: unknown, lastError: string): Lost {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  if (code === 'TokenInvalid' || lastError === 'Authentication failed')
    return { what: 'Discord refuses the token', token: true };
  return { what: `the login at Discord failed: ${reason(thrown ?? lastError) || 'no reason given'}` };
}
