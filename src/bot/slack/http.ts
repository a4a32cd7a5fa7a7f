import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { App } from '@slack/bolt';
import type { Logger } from 'pino';
import type { Secret } from '../../config/secret.ts';
import { reason } from '../../errors/catalogue.ts';
import type { ReportHealth } from '../chat/contract.ts';
import { isSigned } from './signature.ts';
import { backoff, pause, within } from './wait.ts';

export interface HttpOptions {
  readonly app: App;
  readonly listen: string;
  readonly signingSecret: Secret;
  readonly health: ReportHealth;
  readonly log: Logger;
  readonly now: () => number;
}

export const EVENTS_PATH = '/slack/events';
const BODY_MAX = 1024 * 1024;
const REQUEST_MS = 10_000;
const ACK_MS = 2_900;
const CONNECTIONS_MAX = 500;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 60_000;

/** Slack's requests, in HTTP mode. Without the right signature nobody learns anything but 401. */
export class HttpDoor {
  readonly #stop = new AbortController();
  #server: Server | undefined;

  constructor(private readonly options: HttpOptions) {}

  get port(): number | undefined {
    return (this.#server?.address() as AddressInfo | null | undefined)?.port;
  }

  /** Waits for the first try alone; an address that is taken is tried again. */
  async start(): Promise<void> {
    if (!(await this.#listen())) void this.#again();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    const server = this.#server;
    if (!server) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    await within(closed, 1_000, () => server.closeAllConnections());
  }

  async #again(): Promise<void> {
    for (let failures = 1; !this.#stop.signal.aborted; failures += 1) {
      await pause(backoff(failures, FIRST_RETRY_MS, LAST_RETRY_MS), this.#stop.signal);
      if (this.#stop.signal.aborted || (await this.#listen())) return;
    }
  }

  async #listen(): Promise<boolean> {
    const { listen, health, log } = this.options;
    const server = createServer(
      { requestTimeout: REQUEST_MS, headersTimeout: 5_000 },
      (request, response) => {
        this.#take(request, response).catch((thrown: unknown) => {
          log.warn({ problem: reason(thrown) }, 'a request from Slack could not be answered');
          end(response, 500);
        });
      },
    );
    server.maxConnections = CONNECTIONS_MAX;
    const [host, port] = split(listen);
    const problem = await new Promise<string | undefined>((resolve) => {
      server.once('error', (error) => resolve(error.message));
      server.listen(port, host, () => resolve(undefined));
    });
    if (problem !== undefined) {
      health(
        'down',
        `cannot listen on ${listen} for Slack: ${problem}`,
        'Set chat.slack.listen to a free address.',
      );
      return false;
    }
    server.on('error', (error) => log.warn({ problem: error.message }, "Slack's door has trouble"));
    this.#server = server;
    health('ok', `listens on ${listen} for Slack`);
    return true;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').split('?')[0];
    if (path !== EVENTS_PATH) return end(response, 404);
    if (request.method !== 'POST') return end(response, 405, { allow: 'POST' });
    const body = await read(request);
    if (body === undefined) return end(response, 413, { connection: 'close' });
    const signed = {
      signature: request.headers['x-slack-signature'],
      timestamp: request.headers['x-slack-request-timestamp'],
      body,
    };
    if (!isSigned(signed, this.options.signingSecret, this.options.now())) return end(response, 401);
    const payload = payloadOf(body, request.headers['content-type'] ?? '');
    if (!payload) return end(response, 400);
    if (payload['type'] === 'url_verification' && typeof payload['challenge'] === 'string')
      return end(response, 200, {}, { challenge: payload['challenge'] });
    if (payload['ssl_check'] !== undefined) return end(response, 200);
    await this.#dispatch(payload, request, response);
  }

  async #dispatch(
    payload: Record<string, unknown>,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const retry = Number(request.headers['x-slack-retry-num']);
    const work = this.options.app.processEvent({
      body: payload,
      ...(Number.isInteger(retry) ? { retryNum: retry } : {}),
      customProperties: {},
      ack: async (answer?: unknown) => {
        if (response.headersSent) return;
        if (answer === undefined || answer === '') end(response, 200);
        else end(response, 200, {}, typeof answer === 'string' ? { text: answer } : answer);
      },
    });
    // What nobody listens for is answered too: Slack would send it again.
    await within(work, ACK_MS, () => undefined);
    if (!response.headersSent) end(response, 200);
  }
}

function end(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>> = {},
  body?: unknown,
): void {
  if (response.headersSent) return;
  const text = body === undefined ? '' : JSON.stringify(body);
  const type = body === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' };
  response.writeHead(status, { ...headers, ...type, 'content-length': Buffer.byteLength(text) }).end(text);
}

/** The raw bytes, as they were signed; undefined when there are too many. */
async function read(request: IncomingMessage): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > BODY_MAX) return undefined;
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > BODY_MAX) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** Commands are form fields, presses JSON in the field `payload`, events JSON. */
function payloadOf(body: Buffer, contentType: string): Record<string, unknown> | undefined {
  const text = body.toString('utf8');
  try {
    if (contentType.includes('application/json')) return record(JSON.parse(text));
    const fields = Object.fromEntries(new URLSearchParams(text));
    return fields['payload'] === undefined ? fields : record(JSON.parse(fields['payload']));
  } catch {
    return undefined;
  }
}

function record(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

function split(listen: string): [host: string, port: number] {
  const at = listen.lastIndexOf(':');
  const host = listen.slice(0, at).replace(/^\[|\]$/g, '');
  return [host || '0.0.0.0', Number(listen.slice(at + 1))];
}
