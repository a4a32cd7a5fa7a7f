import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { snowflake, type World } from './world.ts';

interface Session {
  readonly id: string;
  sequence: number;
  readonly events: { readonly s: number; readonly t: string; readonly d: unknown }[];
  socket: WebSocket | undefined;
}

interface Payload {
  readonly op: number;
  readonly d?:
    | { readonly token?: string; readonly session_id?: string; readonly seq?: number }
    | number
    | null;
}

/** The gateway: hello, identify, resume with replay, beats; and what goes wrong with them. */
export class Gateway {
  readonly #server = new WebSocketServer({ noServer: true });
  readonly #sessions = new Map<string, Session>();
  readonly #sockets = new Set<WebSocket>();
  /** How many identifies, resumes and beats arrived. */
  identifies = 0;
  resumes = 0;
  beats = 0;
  /** Sockets that were opened, ever. */
  connections = 0;
  /** No answer to beats. */
  mute = false;
  /** The socket opens and nothing is said. */
  withholdHello = false;
  /** Every identify is answered by this close code. */
  refuseIdentify: number | undefined;
  heartbeatMs = 41_250;
  /** A socket that does not say who it is is closed after that time. */
  unidentifiedMs = 3_000;

  constructor(
    private readonly world: World,
    private readonly token: () => string,
    private readonly url: () => string,
  ) {}

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#server.handleUpgrade(request, socket, head, (client) => this.#welcome(client));
  }

  /** Sessions with an open socket. */
  get connected(): number {
    return [...this.#sessions.values()].filter((one) => one.socket !== undefined).length;
  }

  /** Open sockets, whether they identified or not. */
  get open(): number {
    return this.#sockets.size;
  }

  dispatch(t: string, d: unknown): void {
    for (const session of this.#sessions.values()) {
      session.sequence += 1;
      session.events.push({ s: session.sequence, t, d });
      this.#send(session.socket, { op: 0, t, s: session.sequence, d });
    }
  }

  /** op7: reconnect and resume. */
  reconnect(): void {
    for (const session of this.#sessions.values()) this.#send(session.socket, { op: 7, d: null });
  }

  /** op9: the session is over, or may be resumed. */
  invalidate(resumable: boolean): void {
    for (const session of [...this.#sessions.values()]) {
      if (!resumable) this.#sessions.delete(session.id);
      this.#send(session.socket, { op: 9, d: resumable });
    }
  }

  close(code: number): void {
    for (const session of [...this.#sessions.values()]) {
      session.socket?.close(code);
      session.socket = undefined;
      if (code >= 4004 || code === 1000) this.#sessions.delete(session.id);
    }
  }

  /** The connection is torn, without a close frame. */
  drop(): void {
    for (const socket of this.#sockets) socket.terminate();
  }

  stop(): void {
    this.drop();
  }

  #welcome(socket: WebSocket): void {
    this.#sockets.add(socket);
    this.connections += 1;
    let session: Session | undefined;
    const patience = setTimeout(() => socket.close(4003), this.unidentifiedMs);
    patience.unref();
    socket.on('error', () => undefined);
    socket.on('close', (code) => {
      clearTimeout(patience);
      this.#sockets.delete(socket);
      if (session?.socket !== socket) return;
      session.socket = undefined;
      // A client that says goodbye ends its session.
      if (code === 1000 || code === 1001) this.#sessions.delete(session.id);
    });
    socket.on('message', (data) => {
      const payload = JSON.parse(String(data)) as Payload;
      if (payload.op === 1) {
        this.beats += 1;
        if (!this.mute) this.#send(socket, { op: 11 });
        return;
      }
      clearTimeout(patience);
      if (payload.op === 2) session = this.#identify(socket, payload);
      else if (payload.op === 6) session = this.#resume(socket, payload);
    });
    if (!this.withholdHello) this.#send(socket, { op: 10, d: { heartbeat_interval: this.heartbeatMs } });
  }

  #identify(socket: WebSocket, { d }: Payload): Session | undefined {
    this.identifies += 1;
    const refusal =
      this.refuseIdentify ?? (typeof d === 'object' && d?.token === this.token() ? undefined : 4004);
    if (refusal !== undefined) {
      socket.close(refusal);
      return undefined;
    }
    const session: Session = { id: `session-${snowflake()}`, sequence: 0, events: [], socket };
    this.#sessions.set(session.id, session);
    const { guild, application, botUser } = this.world;
    const ready = {
      ...{ v: 10, session_id: session.id, resume_gateway_url: this.url(), shard: [0, 1] },
      user: { id: botUser, username: 'warroom', discriminator: '0', avatar: null, bot: true, flags: 0 },
      guilds: [{ id: guild, unavailable: true }],
      application: { id: application, flags: 0 },
    };
    this.#say(session, 'READY', ready);
    this.#say(session, 'GUILD_CREATE', this.#guild());
    return session;
  }

  #resume(socket: WebSocket, { d }: Payload): Session | undefined {
    this.resumes += 1;
    const asked = typeof d === 'object' ? d : undefined;
    const session = this.#sessions.get(asked?.session_id ?? '');
    if (asked?.token !== this.token()) {
      socket.close(4004);
      return undefined;
    }
    if (!session) {
      this.#send(socket, { op: 9, d: false });
      return undefined;
    }
    session.socket = socket;
    for (const { s, t, d: missed } of session.events)
      if (s > (asked?.seq ?? 0)) this.#send(socket, { op: 0, s, t, d: missed });
    this.#say(session, 'RESUMED', {});
    return session;
  }

  #say(session: Session, t: string, d: unknown): void {
    session.sequence += 1;
    this.#send(session.socket, { op: 0, t, s: session.sequence, d });
  }

  #send(socket: WebSocket | undefined, payload: object): void {
    if (socket?.readyState === socket?.OPEN) socket?.send(JSON.stringify(payload));
  }

  #guild(): object {
    const { world } = this;
    const lists = ['threads', 'presences', 'emojis', 'stickers', 'voice_states', 'stage_instances'];
    const more = ['guild_scheduled_events', 'soundboard_sounds', 'features'];
    return {
      ...Object.fromEntries([...lists, ...more].map((name) => [name, []])),
      ...{ id: world.guild, name: 'Shop', icon: null, owner_id: '1', unavailable: false, large: false },
      ...{ member_count: world.members.size, joined_at: new Date().toISOString(), preferred_locale: 'en-US' },
      roles: [...world.roles.values()].map(({ id, name, mentionable, permissions }, position) => {
        return { id, name, mentionable, permissions: String(permissions), position, color: 0, hoist: false };
      }),
      channels: [...world.channels.values()]
        .filter((one) => one.type === 0)
        .map(({ id, name, type }) => ({ id, name, type, position: 0, permission_overwrites: [] })),
      members: [],
    };
  }
}
