import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Gateway } from './gateway.ts';
import { readBody } from './multipart.ts';
import { buttonOf, commandData, type Doing, Exchange, interaction, modalData } from './person.ts';
import { type Answer, Routes } from './routes.ts';
import { type Misbehaviour, type Rule, Rules } from './rules.ts';
import { type StoredMessage, World } from './world.ts';

const PREFIX = '/api/v10';
const REORDER_MS = 2000;

/**
 * Discord, as far as a bot with one launch channel meets it: REST v10 and the gateway on a port of its own. It can be
 * told to misbehave, and lets people act. Start it, point a bot at `api`, and look at `world`.
 */
export class DiscordStandIn {
  readonly world = new World();
  readonly gateway: Gateway;
  /** Every REST call, in the order of arrival: `POST /channels/…/messages`. */
  readonly calls: string[] = [];
  readonly #rules = new Rules();
  readonly #exchanges = new Map<string, Exchange>();
  readonly #routes: Routes;
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  #held: (() => void)[] = [];
  #port = 0;
  token = 'stand-in-token';
  sessions = { total: 1000, remaining: 1000, reset_after: 3_600_000, max_concurrency: 1 };
  /** An interaction that is not acknowledged by then is over. */
  acknowledgeMs = 3000;

  constructor() {
    const url = () => `ws://127.0.0.1:${this.port}/gateway`;
    this.gateway = new Gateway(this.world, () => this.token, url);
    this.#routes = new Routes({
      world: this.world,
      token: () => this.token,
      sessions: () => this.sessions,
      gatewayUrl: url,
      exchanges: this.#exchanges,
      acknowledgeMs: () => this.acknowledgeMs,
    });
    this.#server.on('upgrade', (request, socket, head) => this.gateway.upgrade(request, socket, head));
  }

  /** Started again after a stop it has the same port. */
  async start(port = this.#port): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', resolve);
    });
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    this.gateway.stop();
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  get port(): number {
    return this.#port;
  }

  /** What a config gives as chat.discord.api. */
  get api(): string {
    return `http://127.0.0.1:${this.port}/api`;
  }

  misbehave(rule: Rule): void {
    this.#rules.add(rule);
  }

  behave(): void {
    this.#rules.clear();
    for (const release of this.#held.splice(0)) release();
  }

  /** How many calls were answered badly. */
  get struck(): number {
    return this.#rules.struck;
  }

  /** The token is void from now on, and the open socket with it; what is given is the new one. */
  revoke(token = `token-${Date.now()}`): void {
    this.token = token;
    this.gateway.close(4004);
  }

  /** Messages that stand anywhere, by the outbox id that their marker names. More than one is a double post. */
  byOutboxId(): Map<number, StoredMessage[]> {
    const found = new Map<number, StoredMessage[]>();
    for (const message of this.world.messages.values()) {
      const { embeds, content } = message.body;
      const texts = [...(embeds ?? []).map((embed) => embed.footer?.text ?? ''), content ?? ''];
      // Edits carry the row that made them: the first body says what posted it.
      const first = message.history[0] ?? message.body;
      const all = [
        ...texts,
        ...(first.embeds ?? []).map((embed) => embed.footer?.text ?? ''),
        first.content ?? '',
      ];
      const ids = new Set(
        all.flatMap((text) => [...text.matchAll(/w·(\d+)/g)].map((match) => Number(match[1]))),
      );
      for (const id of ids) found.set(id, [...(found.get(id) ?? []), message]);
    }
    return found;
  }

  /** Messages with the same nonce: what enforce_nonce should have kept apart. */
  doubledNonces(): string[] {
    const seen = new Map<string, number>();
    for (const { nonce } of this.world.messages.values())
      if (nonce !== undefined) seen.set(nonce, (seen.get(nonce) ?? 0) + 1);
    return [...seen].filter(([, count]) => count > 1).map(([nonce]) => nonce);
  }

  /** `/launch subcommand …`, typed by a person. Answers once the bot has, or at the deadline. */
  command(
    user: string,
    subcommand: string,
    options: Readonly<Record<string, string | boolean>> = {},
    doing: Doing = {},
  ): Promise<Exchange> {
    return this.#act(user, 2, commandData(this.world, subcommand, options), doing);
  }

  /** The list offered while `focused` is typed. */
  async autocomplete(
    user: string,
    subcommand: string,
    options: Readonly<Record<string, string | boolean>>,
    focused: string,
    doing: Doing = {},
  ): Promise<string[]> {
    const exchange = await this.#act(user, 4, commandData(this.world, subcommand, options, focused), doing);
    return (exchange.choices ?? []).map((choice) => choice.value);
  }

  /** Presses a button, by custom id or label. */
  press(user: string, message: StoredMessage | string, button: string, doing: Doing = {}): Promise<Exchange> {
    const on = typeof message === 'string' ? this.world.messages.get(message) : message;
    if (!on) throw new Error(`no message ${String(message)}`);
    const data = { component_type: 2, custom_id: buttonOf(on.body, button).custom_id };
    return this.#act(user, 3, data, { channel: on.channel, ...doing }, on);
  }

  /** A press of whatever custom id, as an old or forged card would send it. */
  pressRaw(user: string, customId: string, doing: Doing = {}): Promise<Exchange> {
    const on =
      this.world.shown()[0] ?? this.world.post(this.world.channel, this.world.botUser, { content: '·' }, []);
    return this.#act(user, 3, { component_type: 2, custom_id: customId }, doing, on);
  }

  /** Sends the form that an exchange opened. */
  submit(opened: Exchange, values: Readonly<Record<string, string>>, doing: Doing = {}): Promise<Exchange> {
    if (!opened.modal) throw new Error('no form was opened');
    return this.#act(opened.user, 5, modalData(opened.modal, values), { channel: opened.channel, ...doing });
  }

  async #act(
    user: string,
    type: number,
    data: object,
    doing: Doing,
    message?: StoredMessage,
  ): Promise<Exchange> {
    const exchange = new Exchange(user, doing.channel ?? this.world.channel, doing.ageMs ?? 0);
    this.#exchanges.set(exchange.id, exchange);
    const payload = interaction(this.world, exchange, type, data, doing, message);
    for (let i = 0; i < (doing.times ?? 1); i += 1) this.gateway.dispatch('INTERACTION_CREATE', payload);
    await exchange.until((one) => one.answeredMs !== undefined, doing.timeoutMs ?? 30_000);
    return exchange;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return;
    }
    const url = new URL(request.url ?? '/', 'http://stand-in');
    const method = request.method ?? 'GET';
    const path = url.pathname.startsWith(PREFIX) ? url.pathname.slice(PREFIX.length) : url.pathname;
    this.calls.push(`${method} ${path}`);
    const how = this.#rules.next(method, path);
    const { body, files } = readBody(request.headers['content-type'], Buffer.concat(chunks));
    const token = request.headers.authorization;
    const answer = () => this.#routes.answer({ method, path, query: url.searchParams, body, files, token });
    if (!how) {
      send(response, answer());
      for (const release of this.#held.splice(0)) release();
    } else await this.#badly(how, answer, request, response);
  }

  async #badly(
    how: Misbehaviour,
    answer: () => Answer,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    switch (how.kind) {
      case 'delay':
        await new Promise((resolve) => setTimeout(resolve, how.ms));
        return send(response, answer());
      case 'reorder':
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, how.ms ?? REORDER_MS);
          this.#held.push(() => {
            clearTimeout(timer);
            resolve();
          });
        });
        return send(response, answer());
      case 'rate-limit':
        return limited(response, how);
      case 'status':
        return send(response, { status: how.status, body: { message: `${how.status}: it burns`, code: 0 } });
      case 'error':
        return send(response, { status: how.status, body: { code: how.code, message: how.message } });
      case 'reset-after':
        answer();
        request.socket.resetAndDestroy();
        return;
      case 'reset-before':
        request.socket.resetAndDestroy();
        return;
      case 'silent':
        if (how.done) answer();
        return;
      default:
        return never(how);
    }
  }
}

function send(response: ServerResponse, { status, body }: Answer): void {
  response.writeHead(status, body === undefined ? {} : { 'content-type': 'application/json' });
  response.end(body === undefined ? '' : JSON.stringify(body));
}

function limited(response: ServerResponse, how: Extract<Misbehaviour, { kind: 'rate-limit' }>): void {
  const headers = {
    'retry-after': String(how.seconds),
    'x-ratelimit-reset-after': String(how.seconds),
    'x-ratelimit-limit': '5',
    'x-ratelimit-remaining': '0',
    'x-ratelimit-scope': how.global ? 'global' : 'user',
    ...(how.global ? { 'x-ratelimit-global': 'true' } : { 'x-ratelimit-bucket': 'abcd' }),
  };
  response.writeHead(429, { 'content-type': 'application/json', ...(how.bare ? {} : headers) });
  response.end(
    JSON.stringify({
      message: 'You are being rate limited.',
      retry_after: how.seconds,
      global: how.global ?? false,
    }),
  );
}

function never(how: never): never {
  throw new TypeError(`A misbehaviour of an unknown kind: ${JSON.stringify(how)}`);
}
