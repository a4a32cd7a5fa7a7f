import { randomUUID } from 'node:crypto';

/**
 * Messages as kombu's virtual transports write them into Redis, and the body of a remote control request
 * (kombu/pidbox.py). On RabbitMQ the same body is the message itself.
 */
export interface Request {
  readonly method: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  /** Nodes that it is for; null = all. */
  readonly destination: readonly string[] | null;
  readonly ticket: string;
  readonly replyTo: { readonly exchange: string; readonly routingKey: string };
}

export function requestBody(request: Request): string {
  return JSON.stringify({
    method: request.method,
    arguments: request.arguments,
    destination: request.destination,
    pattern: null,
    matcher: null,
    ticket: request.ticket,
    reply_to: { exchange: request.replyTo.exchange, routing_key: request.replyTo.routingKey },
  });
}

/** Headers of a request; `expires` is seconds since 1970. */
export function requestHeaders(expires: number): { clock: number; expires: number } {
  return { clock: 1, expires };
}

/** A request in the envelope that kombu reads from a Redis channel. */
export function envelope(body: string, exchange: string, headers: object): string {
  return JSON.stringify({
    body: Buffer.from(body).toString('base64'),
    'content-encoding': 'utf-8',
    'content-type': 'application/json',
    headers,
    properties: {
      delivery_mode: 2,
      delivery_info: { exchange, routing_key: '' },
      priority: 0,
      body_encoding: 'base64',
      delivery_tag: randomUUID(),
    },
  });
}

export interface Opened {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

/** Undefined for what is no message, or whose body is not JSON (pickle is never opened). */
export function openEnvelope(text: string): Opened | undefined {
  try {
    const message: unknown = JSON.parse(text);
    if (!isRecord(message) || typeof message['body'] !== 'string') return undefined;
    const properties = isRecord(message['properties']) ? message['properties'] : {};
    const raw =
      properties['body_encoding'] === 'base64'
        ? Buffer.from(message['body'], 'base64').toString('utf8')
        : message['body'];
    const type = message['content-type'];
    const body: unknown = type === undefined || type === 'application/json' ? JSON.parse(raw) : undefined;
    return { headers: isRecord(message['headers']) ? message['headers'] : {}, properties, body };
  } catch {
    return undefined;
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
