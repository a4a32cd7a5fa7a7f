import type { Duplex } from 'node:stream';
import { collectOutput, Gate } from './channel.ts';
import type { Command } from './command.ts';
import type { Output, ReadOptions, SocketAddress, Target } from './contract.ts';
import { FramedShell } from './shell.ts';
import type { SshConnection } from './ssh-connection.ts';

/** sshd's MaxSessions is 10 by default; the shell takes one, forwards take more. */
const CHANNELS = 3;

/** A host over SSH under one account. */
export class SshTarget implements Target {
  readonly #shell: FramedShell;
  readonly #gate: Gate;

  constructor(
    readonly name: string,
    readonly account: 'reading' | 'acting',
    private readonly connection: SshConnection,
  ) {
    this.#gate = new Gate(name, CHANNELS);
    this.#shell = new FramedShell(name, () => connection.shell());
    connection.onLost = (problem) => this.#shell.lost(problem);
  }

  read(command: Command, options?: ReadOptions): Promise<Output> {
    return this.#shell.run(command, options);
  }

  exec(command: Command, options: ReadOptions = {}): Promise<Output> {
    // The account's login shell may be any: the line is handed to a plain sh as one quoted word.
    return this.#gate.through(() =>
      collectOutput(this.name, command, options, () =>
        this.connection.start(`exec /bin/sh -c ${quoted(command.line)}`),
      ),
    );
  }

  connect(address: SocketAddress, options: Pick<ReadOptions, 'timeoutMs' | 'signal'> = {}): Promise<Duplex> {
    return this.connection.forward(address, options.timeoutMs ?? 5_000);
  }

  async close(): Promise<void> {
    this.#shell.close();
    await this.connection.close();
  }
}

function quoted(line: string): string {
  return `'${line.replaceAll("'", `'\\''`)}'`;
}
