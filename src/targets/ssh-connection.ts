import type { Duplex } from 'node:stream';
import { Client, type ClientChannel } from 'ssh2';
import { reason, WarroomError } from '../errors/catalogue.ts';
import { DEFAULT_TIMEOUT_MS, type Started } from './channel.ts';
import type { ReadOptions, SocketAddress } from './contract.ts';
import { Gate } from './gate.ts';
import { SH_ENV, type ShellStreams } from './shell.ts';
import { addressText, openSocket } from './socket.ts';
import {
  handshake,
  OPEN_MS,
  type SshAccount,
  type SshAddress,
  unreachable,
  watchSilence,
} from './ssh-handshake.ts';
import { within } from './within.ts';

const SHELL_READY = 'warroom-shell';
const FIRST_BACKOFF_MS = 1_000;
const LAST_BACKOFF_MS = 15_000;
/** How long a call waits for a new try at a host whose last one failed. */
const PATIENCE_MS = 1_000;

/** Handshakes at once, all hosts together: below sshd's MaxStartups where many go through one, and no burst of our own CPU. */
const openings = new Gate({ target: 'SSH', most: 16, mostWaiting: 1_000 });
const OPENING_WAIT_MS = 60_000;

interface Failure {
  readonly error: WarroomError;
  readonly until: number;
  readonly count: number;
}

/**
 * One SSH connection to a host under one account, opened on first use and again after it is lost. While the last try
 * failed, calls fail at once until the backoff is over, and soon after that: a dead host delays nobody.
 */
export class SshConnection {
  #client: Promise<Client> | undefined;
  /** What `#client` gave, or is about to give. */
  #live: Client | undefined;
  /** Those on which a command was begun. */
  readonly #prompt = new WeakSet<Client>();
  #failure: Failure | undefined;
  #closed = false;
  onState: (state: 'connected' | 'unreachable', problem?: string) => void = () => undefined;
  onLost: (problem: string) => void = () => undefined;

  constructor(
    private readonly address: SshAddress,
    private readonly account: SshAccount,
    private readonly jump: SshConnection | undefined,
  ) {}

  async shell(): Promise<ShellStreams> {
    const channel = await this.#exec(
      `exec env ${SH_ENV} /bin/sh -c 'echo "${SHELL_READY} $$"; exec /bin/sh -s'`,
    );
    const late = () => this.#unreachable(`its shell said nothing within ${OPEN_MS} ms`);
    const pid = await within(firstLine(channel), OPEN_MS, late).catch((thrown: unknown) => {
      kill(channel);
      throw thrown;
    });
    const end = () => {
      kill(channel);
      // sshd refuses signals for root, so a command that hangs is ended from beside, its whole group with it.
      this.#exec(`exec kill -KILL -- -${pid}`).then(
        (killer) => killer.resume(),
        () => undefined,
      );
    };
    return { stdin: channel, stdout: channel, stderr: channel.stderr, kill: end };
  }

  async start(line: string): Promise<Started> {
    let ended: Promise<number> | undefined;
    // Listened for before anything is awaited: a quick command's exit may come in the very packet that opens its channel.
    const channel = await this.#exec(line, (opened) => {
      ended = this.#endOf(opened);
    });
    return {
      ...{ stdin: channel, stdout: channel, stderr: channel.stderr },
      ended: ended ?? this.#endOf(channel),
      kill: () => kill(channel),
    };
  }

  #endOf(channel: ClientChannel): Promise<number> {
    const ended = new Promise<number>((resolve, reject) => {
      let status: number | undefined;
      channel.on('exit', (code: number | null, signal?: string) => {
        status = code ?? 128 + (SIGNAL_NUMBERS[signal ?? ''] ?? 0);
      });
      channel.on('close', () =>
        status === undefined ? reject(this.#unreachable('the connection was lost')) : resolve(status),
      );
    });
    ended.catch(() => undefined);
    return ended;
  }

  /** A stream to a socket as the host sees it: direct-tcpip (RFC 4254, 7.2), or OpenSSH's direct-streamlocal. */
  async forward(
    address: SocketAddress,
    { timeoutMs = DEFAULT_TIMEOUT_MS, signal }: Pick<ReadOptions, 'timeoutMs' | 'signal'> = {},
  ): Promise<Duplex> {
    const where = addressText(address);
    const late = () =>
      new WarroomError('TARGET_DEADLINE', {
        target: this.address.name,
        command: `connect ${where}`,
        timeoutMs,
      });
    const client = await within(this.#connected(), timeoutMs, late, undefined, signal);
    if (!this.#prompt.has(client)) this.#makePrompt(client);
    const opening = new Promise<ClientChannel>((resolve, reject) => {
      const done = (error: Error | undefined, stream: ClientChannel) =>
        error ? reject(this.#refused(where, error)) : resolve(quiet(joined(stream)));
      if ('path' in address) client.openssh_forwardOutStreamLocal(address.path, done);
      else client.forwardOut('127.0.0.1', 0, address.host, address.port, done);
    });
    return within(opening, timeoutMs, late, (channel) => channel.destroy(), signal);
  }

  /**
   * sshd sets TCP_NODELAY at a connection's first command (`ssh_packet_set_interactive` in OpenSSH's session.c): one
   * that only forwards, as to a jump host, waits 40 ms for a delayed ACK in answers of two packets.
   */
  #makePrompt(client: Client): void {
    this.#prompt.add(client);
    this.#exec('exit').then(
      (channel) => channel.resume(),
      // An account that may only forward goes on as it is.
      () => undefined,
    );
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#live?.destroy();
    await this.#client?.catch(() => undefined);
  }

  async #exec(line: string, onOpen?: (channel: ClientChannel) => void): Promise<ClientChannel> {
    const client = await this.#connected();
    this.#prompt.add(client);
    const opening = new Promise<ClientChannel>((resolve, reject) => {
      client.exec(line, (error, channel) => {
        if (error) return reject(this.#unreachable(reason(error), error));
        onOpen?.(channel);
        return resolve(quiet(channel));
      });
    });
    const late = () => this.#unreachable(`it opened no channel within ${OPEN_MS} ms`);
    return within(opening, OPEN_MS, late, (channel) => kill(channel));
  }

  #connected(): Promise<Client> {
    if (this.#closed) return Promise.reject(this.#unreachable('it is being closed'));
    const failure = this.#failure;
    if (!this.#client) {
      if (failure && performance.now() < failure.until) return Promise.reject(failure.error);
      this.#client = this.#open();
      this.#client.then(
        () => {
          this.#failure = undefined;
          this.onState('connected');
        },
        (thrown: unknown) => this.#failed(thrown),
      );
    }
    return failure ? within(this.#client, PATIENCE_MS, () => failure.error) : this.#client;
  }

  #failed(thrown: unknown): void {
    this.#client = undefined;
    this.#live = undefined;
    const error = thrown instanceof WarroomError ? thrown : this.#unreachable(reason(thrown), thrown);
    const count = (this.#failure?.count ?? 0) + 1;
    const backoff = Math.min(LAST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (count - 1));
    this.#failure = { error, count, until: performance.now() + backoff * (0.5 + Math.random() / 2) };
    this.onState('unreachable', error.message);
  }

  async #open(): Promise<Client> {
    const { name, host, port } = this.address;
    const options = { timeoutMs: OPEN_MS };
    // Outside the gate: a jump host opens through the same gate, and a silent host must not hold a place in it.
    const sock = this.jump
      ? await this.jump.forward({ host, port }, options)
      : await openSocket(name, { host, port }, options);
    return openings.through(OPENING_WAIT_MS, async () => {
      if (this.#closed || sock.destroyed) {
        sock.destroy();
        throw this.#unreachable('the connection was closed');
      }
      const client = new Client();
      this.#live = client;
      let lost = 'the connection was closed';
      client.on('error', (error) => {
        lost = reason(error);
      });
      try {
        await handshake(this.address, this.account, sock, client);
        watchSilence(sock, client);
      } catch (thrown) {
        client.destroy();
        throw thrown;
      }
      client.once('close', () => this.#onClose(client, lost));
      return client;
    });
  }

  #onClose(client: Client, problem: string): void {
    if (this.#live !== client) return;
    this.#live = undefined;
    this.#client = undefined;
    if (!this.#closed) this.onState('unreachable', problem);
    this.onLost(problem);
  }

  #refused(where: string, error: Error): WarroomError {
    return new WarroomError(
      'TARGET_UNREACHABLE',
      {
        target: `${this.address.name} ${where}`,
        problem: reason(error),
        mend: `Is it listening, and may ${this.account.user} use it (and does sshd allow forwarding)?`,
      },
      error,
    );
  }

  #unreachable(problem: string, cause?: unknown): WarroomError {
    return unreachable(this.address, this.account, problem, cause);
  }
}

/** The shell's pid, which is its process group's too; what a login shell's own files print before it is dropped. */
function firstLine(channel: ClientChannel): Promise<number> {
  return new Promise((resolve, reject) => {
    let text = '';
    const onData = (data: Buffer) => {
      text = (text + data.toString('latin1')).slice(-16 * 1024);
      const pid = new RegExp(`(?:^|\\n)${SHELL_READY} (\\d+)\\n$`).exec(text)?.[1];
      if (pid === undefined) return;
      channel.off('data', onData);
      resolve(Number(pid));
    };
    channel.on('data', onData);
    channel.once('close', () => reject(new Error('it ended its shell at once')));
  });
}

/** Ends the session's whole process group (OpenSSH takes signals since 7.9), so that no hung command is left behind. */
function kill(channel: ClientChannel): void {
  try {
    channel.signal('KILL');
    channel.close();
  } catch {
    // The connection is gone, and sshd ends the session by itself.
  }
}

/** An error that nobody listens to would end the process; the close that follows says enough. */
function quiet(channel: ClientChannel): ClientChannel {
  channel.on('error', () => undefined);
  return channel;
}

const SIGNAL_NUMBERS: Readonly<Record<string, number>> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ABRT: 6,
  KILL: 9,
  SEGV: 11,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
};

/**
 * What was written while the channel was corked goes as one packet: ssh2 sends each piece in a packet of its own, and
 * drivers of databases write five for a query.
 */
function joined(channel: ClientChannel): ClientChannel {
  channel._writev = (pieces, done) =>
    channel._write(Buffer.concat(pieces.map(({ chunk }) => chunk as Buffer)), 'latin1', done);
  return channel;
}
