import { type App, SocketModeReceiver } from '@slack/bolt';
import type { Logger } from 'pino';
import type { Secret } from '../../config/secret.ts';
import { reason } from '../../errors/catalogue.ts';
import { CALL_MS } from './client.ts';
import { slackLogger } from './logger.ts';
import { within } from './wait.ts';

export interface SocketOptions {
  readonly app: App;
  readonly appToken: Secret;
  readonly api: string;
  readonly log: Logger;
  readonly pingMs: number;
  readonly startMs: number;
}

export interface Hello {
  readonly connections: number | undefined;
  readonly appId: string | undefined;
}

const CLOSE_MS = 2_000;

/**
 * One connection, from its opening to its end, never used again. The library's own reconnecting is off: it waits
 * five seconds after each refresh, and a token that is refused while it reconnects ends the process.
 */
export class Socket {
  readonly #receiver: SocketModeReceiver;
  readonly #ended: Promise<string>;
  #end: (why: string) => void = () => undefined;
  #over = false;
  hello: Hello | undefined;

  constructor(private readonly options: SocketOptions) {
    const logger = slackLogger(options.log);
    this.#receiver = new SocketModeReceiver({
      appToken: options.appToken.reveal(),
      autoReconnectEnabled: false,
      clientPingTimeout: options.pingMs,
      logger,
      // The library writes into these options: each socket has its own.
      installerOptions: {
        clientOptions: {
          slackApiUrl: options.api,
          timeout: CALL_MS,
          retryConfig: { retries: 0 },
          rejectRateLimitedCalls: true,
        },
      },
      customPropertiesExtractor: envelopeOf,
      processEventErrorHandler: async ({ error }) => {
        options.log.warn({ problem: reason(error) }, 'a Slack delivery could not be dispatched');
        return false;
      },
    });
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#watch();
    this.#receiver.init(options.app);
  }

  /** Resolves on Slack's hello; rejects when Slack refuses, or says nothing in time. */
  async open(): Promise<Hello> {
    const starting = this.#receiver.start();
    const first = await within(
      Promise.race([starting.then(() => undefined), this.#ended]),
      this.options.startMs,
      () => {
        throw new Error(`no hello in ${this.options.startMs / 1000} s`);
      },
    );
    if (first !== undefined) throw new Error(first);
    return this.hello ?? { connections: undefined, appId: undefined };
  }

  /** Why it ended. */
  get ended(): Promise<string> {
    return this.#ended;
  }

  async close(): Promise<void> {
    this.#over = true;
    this.#end('closed by us');
    await within(
      this.#receiver.client.disconnect().catch(() => undefined),
      CLOSE_MS,
      () => undefined,
    );
  }

  #watch(): void {
    const { client } = this.#receiver;
    client.on('disconnected', () => this.#end('the connection was closed'));
    client.on('close', () => this.#end('the connection was closed'));
    // One that was given up may still connect: it would take deliveries, and nobody would count it.
    client.on('connected', () => {
      if (this.#over) void client.disconnect().catch(() => undefined);
    });
    // The library throws where nobody can catch on a payload without an event (app_rate_limited).
    const inner = client.listeners('ws_message');
    client.removeAllListeners('ws_message');
    client.on('ws_message', (data: string | ArrayBuffer, isBinary: boolean) => {
      const given = this.#look(data, isBinary);
      for (const handle of inner)
        Promise.resolve()
          .then(() => handle(given, isBinary))
          .catch((thrown: unknown) =>
            this.options.log.warn({ problem: reason(thrown) }, 'a Slack frame could not be read'),
          );
    });
  }

  /** Reads what the library does not tell: the hello's count, and that this connection is about to be renewed. */
  #look(data: string | ArrayBuffer, isBinary: boolean): string | ArrayBuffer {
    if (isBinary) return data;
    const frame = parsed(typeof data === 'string' ? data : new TextDecoder().decode(data));
    if (frame?.type === 'hello')
      this.hello = { connections: frame.num_connections, appId: frame.connection_info?.app_id };
    if (frame?.type === 'disconnect')
      this.#end(`Slack renews the connection (${frame.reason ?? 'no reason'})`);
    if (frame?.type === 'events_api' && frame.payload && !frame.payload.event)
      return JSON.stringify({
        ...frame,
        payload: { ...frame.payload, event: { type: String(frame.payload.type ?? 'unknown') } },
      });
    return data;
  }
}

interface Frame {
  readonly type?: string;
  readonly reason?: string;
  readonly num_connections?: number;
  readonly connection_info?: { readonly app_id?: string };
  readonly payload?: { readonly type?: string; readonly event?: object };
}

function parsed(text: string): Frame | undefined {
  try {
    const frame: unknown = JSON.parse(text);
    return typeof frame === 'object' && frame !== null ? frame : undefined;
  } catch {
    return undefined;
  }
}

function envelopeOf(delivery: { envelope_id?: unknown }): { envelopeId?: string } {
  return typeof delivery.envelope_id === 'string' ? { envelopeId: delivery.envelope_id } : {};
}
