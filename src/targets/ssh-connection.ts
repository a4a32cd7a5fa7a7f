import { readFile } from 'node:fs/promises';
import type { Duplex } from 'node:stream';
import { Client, type ClientChannel, type ServerHostKeyAlgorithm } from 'ssh2';
import { reason, WarroomError } from '../errors/catalogue.ts';
import { Gate, type Started } from './channel.ts';
import type { SocketAddress } from './contract.ts';
import { judgeHostKey, knownHostsLine, knownTypes, parseKnownHosts } from './known-hosts.ts';
import { openSocket } from './local.ts';
import type { ShellStreams } from './shell.ts';

export interface SshAccount {
  readonly user: string;
  readonly key?: () => string;
  readonly password?: () => string;
  readonly knownHosts: string;
}

export interface SshAddress {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

const OPEN_MS = 8_000;
const FIRST_BACKOFF_MS = 1_000;
const LAST_BACKOFF_MS = 30_000;
const KEEPALIVE_MS = 5_000;
const KEEPALIVES_MISSED = 3;

/** At most so many handshakes at once, below sshd's MaxStartups. */
const openings = new Gate('ssh', 16, 1_000);

/**
 * One SSH connection to a host under one account, opened on first use and again after it is lost. While the last
 * try failed, calls fail at once until the backoff is over, so that a dead host delays nobody.
 */
export class SshConnection {
  #client: Promise<Client> | undefined;
  #failure: { error: WarroomError; until: number; failures: number } | undefined;
  #closed = false;
  onState: (state: 'connected' | 'unreachable', problem?: string) => void = () => undefined;
  onLost: (problem: string) => void = () => undefined;

  constructor(
    private readonly address: SshAddress,
    private readonly account: SshAccount,
    private readonly jump: SshConnection | undefined,
  ) {}

  async shell(): Promise<ShellStreams> {
    const channel = await this.#exec('exec /bin/sh -s');
    return { stdin: channel, stdout: channel, stderr: channel.stderr, kill: () => channel.destroy() };
  }

  async start(line: string): Promise<Started> {
    const channel = await this.#exec(line);
    const ended = new Promise<number>((resolve, reject) => {
      let status: number | undefined;
      channel.on('exit', (code: number | null, signal?: string) => {
        status = code ?? 128 + (signalNumber[signal ?? ''] ?? 0);
      });
      channel.on('close', () =>
        status === undefined ? reject(this.#unreachable('the connection was lost')) : resolve(status),
      );
    });
    ended.catch(() => undefined);
    return { stdin: channel, stdout: channel, stderr: channel.stderr, ended, kill: () => channel.close() };
  }

  async forward(address: SocketAddress, timeoutMs: number): Promise<Duplex> {
    const client = await this.#connected();
    const where = 'path' in address ? address.path : `${address.host}:${address.port}`;
    return new Promise<Duplex>((resolve, reject) => {
      let late = false;
      const timer = setTimeout(() => {
        late = true;
        reject(
          new WarroomError('TARGET_DEADLINE', {
            target: this.address.name,
            command: `connect ${where}`,
            timeoutMs,
          }),
        );
      }, timeoutMs);
      const done = (error: Error | undefined, stream?: ClientChannel) => {
        clearTimeout(timer);
        if (late) stream?.destroy();
        else if (error || !stream)
          reject(
            new WarroomError(
              'TARGET_UNREACHABLE',
              {
                target: `${this.address.name} ${where}`,
                problem: error ? reason(error) : 'no stream',
                mend: `Is it listening, and may ${this.account.user} use it (and does sshd allow forwarding)?`,
              },
              error,
            ),
          );
        else resolve(stream);
      };
      try {
        if ('path' in address) client.openssh_forwardOutStreamLocal(address.path, done);
        else client.forwardOut('127.0.0.1', 0, address.host, address.port, done);
      } catch (thrown) {
        done(thrown as Error);
      }
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    const client = await this.#client?.catch(() => undefined);
    client?.end();
    client?.destroy();
  }

  async #exec(line: string): Promise<ClientChannel> {
    const client = await this.#connected();
    return new Promise((resolve, reject) => {
      try {
        client.exec(line, (error, channel) =>
          error ? reject(this.#unreachable(reason(error), error)) : resolve(channel),
        );
      } catch (thrown) {
        reject(this.#unreachable(reason(thrown), thrown));
      }
    });
  }

  #connected(): Promise<Client> {
    if (this.#closed) return Promise.reject(this.#unreachable('it is being closed'));
    if (this.#client) return this.#client;
    if (this.#failure && Date.now() < this.#failure.until) return Promise.reject(this.#failure.error);
    const opening = openings.through(() => this.#open());
    this.#client = opening;
    opening.then(
      () => {
        this.#failure = undefined;
        this.onState('connected');
      },
      (thrown: unknown) => {
        this.#client = undefined;
        const error = thrown instanceof WarroomError ? thrown : this.#unreachable(reason(thrown), thrown);
        const failures = (this.#failure?.failures ?? 0) + 1;
        const backoff = Math.min(LAST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (failures - 1));
        this.#failure = { error, failures, until: Date.now() + backoff * (0.5 + Math.random() / 2) };
        this.onState('unreachable', error.message);
      },
    );
    return opening;
  }

  async #open(): Promise<Client> {
    const { name, host, port } = this.address;
    // A file that is not there knows nobody: every key is then refused with the line to add.
    const known = parseKnownHosts(await readFile(this.account.knownHosts, 'utf8').catch(() => ''));
    const sock = this.jump
      ? await this.jump.forward({ host, port }, OPEN_MS)
      : await openSocket(name, { host, port }, OPEN_MS);
    const client = new Client();
    let refused: WarroomError | undefined;
    return new Promise<Client>((resolve, reject) => {
      const lost = (problem: string) => {
        if (this.#client) {
          this.#client = undefined;
          this.onLost(problem);
        }
      };
      client.once('ready', () => resolve(client));
      client.on('error', (error) => {
        reject(refused ?? this.#asError(error));
        lost(reason(error));
      });
      client.on('close', () => {
        reject(refused ?? this.#unreachable('it closed the connection'));
        lost('the connection was closed');
      });
      const key = this.account.key?.();
      const password = this.account.password?.();
      const algorithms = hostKeyAlgorithms(knownTypes(known, host, port));
      client.connect({
        sock,
        username: this.account.user,
        ...(key === undefined ? {} : { privateKey: key }),
        ...(password === undefined ? {} : { password }),
        ...(algorithms.length > 0 ? { algorithms: { serverHostKey: algorithms } } : {}),
        readyTimeout: OPEN_MS,
        keepaliveInterval: KEEPALIVE_MS,
        keepaliveCountMax: KEEPALIVES_MISSED,
        hostVerifier: (raw: Buffer) => {
          const verdict = judgeHostKey(known, host, port, raw);
          if (verdict !== 'known') {
            const code = verdict === 'changed' ? 'HOST_KEY_CHANGED' : 'HOST_KEY_UNKNOWN';
            refused = new WarroomError(code, {
              target: name,
              file: this.account.knownHosts,
              line: knownHostsLine(host, port, raw),
            });
          }
          return verdict === 'known';
        },
      });
    });
  }

  #asError(error: Error & { level?: string }): WarroomError {
    if (error.level === 'client-authentication') {
      return new WarroomError(
        'NO_RIGHT',
        {
          target: this.address.name,
          what: `sign in as ${this.account.user}`,
          mend: `Put its public key into ~${this.account.user}/.ssh/authorized_keys there.`,
        },
        error,
      );
    }
    return this.#unreachable(reason(error), error);
  }

  #unreachable(problem: string, cause?: unknown): WarroomError {
    return new WarroomError(
      'TARGET_UNREACHABLE',
      {
        target: this.address.name,
        problem,
        mend: `Try: ssh -p ${this.address.port} ${this.account.user}@${this.address.host}`,
      },
      cause,
    );
  }
}

/** Signatures that prove a key of a type; RFC 8332 for RSA. */
function hostKeyAlgorithms(types: readonly string[]): ServerHostKeyAlgorithm[] {
  return types.flatMap((type) =>
    type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa'] : [type],
  ) as ServerHostKeyAlgorithm[];
}

const signalNumber: Readonly<Record<string, number>> = {
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
