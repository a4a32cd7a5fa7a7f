import type { Duplex } from 'node:stream';
import { collectOutput, DEFAULT_TIMEOUT_MS } from './channel.ts';
import { type Command, quote } from './command.ts';
import { MAX_CHANNELS, type Output, type ReadOptions, type SocketAddress, type Target } from './contract.ts';
import { Gate } from './gate.ts';
import { FramedShell, SH_ENV } from './shell.ts';
import type { SshConnection } from './ssh-connection.ts';

/** A host over SSH under one account. */
export class SshTarget implements Target {
  readonly #shell: FramedShell;
  readonly #gate: Gate;

  constructor(
    readonly name: string,
    readonly account: 'reading' | 'acting',
    private readonly connection: SshConnection,
  ) {
    this.#gate = new Gate({ target: name, most: MAX_CHANNELS, mostWaiting: 32 });
    this.#shell = new FramedShell(name, () => connection.shell());
    connection.onLost = (problem) => this.#shell.lost(problem);
  }

  read(command: Command, options?: ReadOptions): Promise<Output> {
    return this.#shell.run(command, options);
  }

  exec(command: Command, options: ReadOptions = {}): Promise<Output> {
    const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    // The account's login shell may be any: the line is handed to a plain sh as one quoted word. `timeout` ends on
    // the host what we gave up, also when the connection is cut and nobody can tell it so.
    const seconds = Math.ceil(timeoutMs / 1000) + 1;
    const line = `exec env ${SH_ENV} timeout -s KILL ${seconds} /bin/sh -c ${quote(command.line)}`;
    return this.#gate.through(timeoutMs, () =>
      collectOutput(this.name, command, options, () => this.connection.start(line)),
    );
  }

  connect(address: SocketAddress, options?: Pick<ReadOptions, 'timeoutMs' | 'signal'>): Promise<Duplex> {
    return this.connection.forward(address, options);
  }

  async close(): Promise<void> {
    this.#shell.close();
    await this.connection.close();
  }
}
