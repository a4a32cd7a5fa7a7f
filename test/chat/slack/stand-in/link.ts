import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { World } from './world.ts';

interface Line {
  readonly socket: WebSocket;
  greeted: boolean;
  paused: boolean;
}

/** Socket Mode, Slack's side: greets, delivers each envelope to one of the sockets, answers pings, and misbehaves. */
export class Link {
  readonly #server = new WebSocketServer({ noServer: true, autoPong: false });
  readonly #tickets = new Set<string>();
  readonly #waiting = new Map<string, (payload: unknown) => void>();
  #lines: Line[] = [];
  #turn = 0;
  /** Sockets that were ever opened. */
  opened = 0;
  says = { hello: true, pong: true };
  /** Connections of other programs on the same token. */
  foreign = 0;
  /** The upgrade is answered with 503. */
  refusesUpgrade = false;

  constructor(private readonly world: World) {}

  ticket(): string {
    const ticket = this.world.id('ticket-');
    this.#tickets.add(ticket);
    return ticket;
  }

  upgrade(request: IncomingMessage, raw: Duplex, head: Buffer): void {
    const ticket = new URL(request.url ?? '', 'http://stand-in').searchParams.get('ticket') ?? '';
    if (this.refusesUpgrade || !this.#tickets.delete(ticket)) {
      raw.end('HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\n\r\n');
      return;
    }
    this.#server.handleUpgrade(request, raw, head, (socket) => this.#welcome(socket));
  }

  get sockets(): number {
    return this.#lines.length;
  }

  get greeted(): number {
    return this.#lines.filter((line) => line.greeted).length;
  }

  /** Sends to one socket; `undefined` when nobody is there. The promise is the payload of the acknowledgement. */
  deliver(envelope: {
    readonly envelope_id: string;
    readonly [field: string]: unknown;
  }): Promise<unknown> | undefined {
    const able = this.#lines.filter((line) => line.greeted && !line.paused);
    const line = able[this.#turn++ % Math.max(1, able.length)];
    if (!line) return undefined;
    const acknowledged = new Promise<unknown>((resolve) => this.#waiting.set(envelope.envelope_id, resolve));
    line.socket.send(JSON.stringify(envelope));
    return acknowledged;
  }

  /** Anything at all, to the n-th socket. */
  say(frame: unknown, which = 0): void {
    this.#lines[which]?.socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  /** `disconnect` to the n-th socket; it takes nothing more. */
  refresh(which = 0, reason: 'refresh_requested' | 'warning' = 'refresh_requested'): void {
    const line = this.#lines[which];
    if (!line) return;
    line.greeted = false;
    line.socket.send(JSON.stringify({ type: 'disconnect', reason, debug_info: { host: 'stand-in' } }));
  }

  /** The TCP connection is gone without a word. */
  drop(which = 0): void {
    const line = this.#lines[which];
    this.#lines = this.#lines.filter((one) => one !== line);
    line?.socket.terminate();
  }

  dropAll(): void {
    while (this.#lines.length > 0) this.drop();
  }

  /** Stays open and takes nothing. */
  pause(which: number, paused: boolean): void {
    const line = this.#lines[which];
    if (line) line.paused = paused;
  }

  stop(): void {
    this.dropAll();
    this.#server.close();
  }

  #welcome(socket: WebSocket): void {
    const line: Line = { socket, greeted: false, paused: false };
    this.#lines.push(line);
    this.opened += 1;
    socket.on('ping', (data) => {
      if (this.says.pong) socket.pong(data);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#lines = this.#lines.filter((one) => one !== line);
    });
    socket.on('message', (data) => {
      const { envelope_id, payload } = JSON.parse(String(data)) as { envelope_id: string; payload?: unknown };
      this.#waiting.get(envelope_id)?.(payload ?? {});
    });
    if (!this.says.hello) return;
    line.greeted = true;
    socket.send(
      JSON.stringify({
        type: 'hello',
        num_connections: this.#lines.length + this.foreign,
        debug_info: { host: 'stand-in', approximate_connection_time: 18_060 },
        connection_info: { app_id: this.world.appId },
      }),
    );
  }
}
