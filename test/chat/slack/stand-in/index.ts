import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isRecord } from './blocks.ts';
import { Link } from './link.ts';
import { type Answer, callMethod } from './methods.ts';
import { type Delivery, People } from './people.ts';
import { Rules } from './rules.ts';
import { World } from './world.ts';

export type { Delivery } from './people.ts';
export type { Misdeed, Rule } from './rules.ts';
export { LAUNCH, OTHER } from './world.ts';

export interface Call {
  readonly method: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly at: number;
}

/**
 * A Slack of its own on 127.0.0.1: Web API, Socket Mode, files, response URLs, and the people in it. It speaks the
 * protocol that the client libraries speak, refuses what Slack refuses, and goes wrong when a test says so.
 */
export class SlackStandIn {
  readonly world = new World();
  readonly rules = new Rules();
  readonly link = new Link(this.world);
  readonly calls: Call[] = [];
  readonly people: People;
  /** Nothing listens any more, as during an outage. */
  #server = createServer((request, response) => void this.#take(request, response));
  #port = 0;

  constructor() {
    this.people = new People(this.world, this.link, () => this.url);
  }

  /** `chat.slack.api` of the config. */
  get api(): string {
    return `${this.url}api/`;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/`;
  }

  async start(port = this.#port): Promise<this> {
    this.#server = createServer((request, response) => {
      this.#take(request, response).catch(() => request.socket.destroy());
    });
    this.#server.on('upgrade', (request, raw, head) => this.link.upgrade(request, raw, head));
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', resolve);
    });
    this.#port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  /** Also an outage: `start` again takes the same port, with everything as it was. */
  async stop(): Promise<void> {
    this.link.dropAll();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  /** The last message of the launch channel whose text has these words. */
  shown(words: string) {
    return this.world.launch.messages.findLast((message) => JSON.stringify(message).includes(words));
  }

  callsOf(method: string): Call[] {
    return this.calls.filter((call) => call.method === method);
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', this.url);
    const body = await read(request);
    const [, area = '', ...rest] = pathname.split('/');
    const name = rest.join('/');
    if (area === 'api') return this.#api(name, body, request, response);
    if (area === 'response') return this.#respond(name, body, response);
    const file = area === 'upload' ? this.world.files.get(name) : undefined;
    if (!file) {
      response.writeHead(404).end();
      return;
    }
    const misdeed = this.rules.take('upload');
    if (misdeed?.kind === 'status') {
      response.writeHead(misdeed.status).end();
      return;
    }
    file.content = uploaded(body);
    response.writeHead(200).end(`OK - ${body.length}`);
  }

  async #api(
    method: string,
    body: Buffer,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const args = argsOf(body);
    this.calls.push({ method, args, at: Date.now() });
    const misdeed = this.rules.take(method);
    switch (misdeed?.kind) {
      case 'rate-limit': {
        const after = misdeed.retryAfter === undefined ? {} : { 'retry-after': String(misdeed.retryAfter) };
        response.writeHead(429, after).end();
        return;
      }
      case 'status':
        response.writeHead(misdeed.status).end('upstream trouble');
        return;
      case 'lost':
        request.socket.resetAndDestroy();
        return;
      case 'silent':
        return;
      case 'error':
        this.#answer(response, { ok: false, error: misdeed.error, ...misdeed.more });
        return;
      case 'delay':
        await new Promise((resolve) => setTimeout(resolve, misdeed.ms));
        break;
      default:
    }
    const answer = this.#done(method, args, request);
    if (misdeed?.kind === 'processed-then-reset') request.socket.resetAndDestroy();
    else if (misdeed?.kind !== 'processed-then-silent') this.#answer(response, answer);
  }

  #done(method: string, args: Readonly<Record<string, unknown>>, request: IncomingMessage): Answer {
    const token = request.headers.authorization?.replace(/^Bearer /, '');
    const { world } = this;
    if (method === 'apps.connections.open') {
      if (token !== world.appToken) return { ok: false, error: 'invalid_auth' };
      if (world.appTokenProblem) return { ok: false, error: world.appTokenProblem };
      const address = this.url.replace('http', 'ws');
      return { ok: true, url: `${address}link/?ticket=${this.link.ticket()}&app_id=${world.appId}` };
    }
    if (token === undefined) return { ok: false, error: 'not_authed' };
    if (token !== world.botToken) return { ok: false, error: 'invalid_auth' };
    if (world.botTokenProblem) return { ok: false, error: world.botTokenProblem };
    const trigger = (id: unknown) => this.people.useTrigger(id);
    return callMethod(method, args, { world, url: () => this.url, trigger });
  }

  #answer(response: ServerResponse, answer: Answer): void {
    response
      .writeHead(200, {
        'content-type': 'application/json; charset=utf-8',
        'x-oauth-scopes': [...this.world.scopes].join(','),
      })
      .end(JSON.stringify(answer));
  }

  /** A response URL is good for five answers. */
  #respond(name: string, body: Buffer, response: ServerResponse): void {
    const where = this.people.useResponse(name);
    const given: unknown = JSON.parse(body.toString('utf8'));
    if (!where || !isRecord(given)) {
      response.writeHead(404).end('used_url');
      return;
    }
    const { text, blocks, thread_ts } = given;
    this.world.ephemerals.push({
      ...{ ...where, text: String(text ?? ''), by: 'response_url', at: Date.now() },
      blocks: Array.isArray(blocks) ? blocks : [],
      ...(typeof thread_ts === 'string' ? { thread_ts } : {}),
    });
    response.writeHead(200).end('ok');
  }

  command(user: string, text: string, more?: Parameters<People['command']>[2]): Delivery {
    return this.people.command(user, text, more);
  }

  press(user: string, ts: string, actionOrLabel: string, more?: Parameters<People['press']>[3]): Delivery {
    return this.people.press(user, ts, actionOrLabel, more);
  }

  submit(viewId: string, values: Readonly<Record<string, string>>): Delivery {
    return this.people.submit(viewId, values);
  }
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts);
}

/** Form fields; objects come as JSON in them. */
function argsOf(body: Buffer): Record<string, unknown> {
  const fields = [...new URLSearchParams(body.toString('utf8'))].map(([name, value]) => {
    if (!/^[[{]/.test(value) || name === 'text') return [name, value] as const;
    try {
      return [name, JSON.parse(value) as unknown] as const;
    } catch {
      return [name, value] as const;
    }
  });
  return Object.fromEntries(fields);
}

/** The one part of a multipart body, or the body itself. */
function uploaded(body: Buffer): string {
  const text = body.toString('utf8');
  const head = /^--(\S+)\r\n[\s\S]*?\r\n\r\n/.exec(text);
  if (!head) return text;
  const end = text.indexOf(`\r\n--${head[1]}`, head[0].length);
  return text.slice(head[0].length, end < 0 ? undefined : end);
}
