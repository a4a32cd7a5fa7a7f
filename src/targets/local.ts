import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Duplex } from 'node:stream';
import { collectOutput, DEFAULT_TIMEOUT_MS, type Started } from './channel.ts';
import type { Command } from './command.ts';
import { MAX_CHANNELS, type Output, type ReadOptions, type SocketAddress, type Target } from './contract.ts';
import { Gate } from './gate.ts';
import { FramedShell, SH_PATH, type ShellStreams } from './shell.ts';
import { openSocket } from './socket.ts';

/** The machine that Warroom runs on, as the user that it runs as. */
export class LocalTarget implements Target {
  readonly #shell: FramedShell;
  readonly #gate: Gate;

  constructor(
    readonly name: string,
    readonly account: 'reading' | 'acting',
  ) {
    this.#gate = new Gate({ target: name, most: MAX_CHANNELS, mostWaiting: 32 });
    this.#shell = new FramedShell(name, openShell);
  }

  read(command: Command, options?: ReadOptions): Promise<Output> {
    return this.#shell.run(command, options);
  }

  exec(command: Command, options: ReadOptions = {}): Promise<Output> {
    return this.#gate.through(options.timeoutMs ?? DEFAULT_TIMEOUT_MS, () =>
      collectOutput(this.name, command, options, async () => started(startSh(['-c', command.line]))),
    );
  }

  connect(address: SocketAddress, options?: Pick<ReadOptions, 'timeoutMs' | 'signal'>): Promise<Duplex> {
    return openSocket(this.name, address, options);
  }

  close(): void {
    this.#shell.close();
  }
}

async function openShell(): Promise<ShellStreams> {
  const child = startSh(['-s']);
  // Without a listener a failed start would end the whole process; with it, it is one host's problem.
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.on('error', reject);
  });
  return { stdin: child.stdin, stdout: child.stdout, stderr: child.stderr, kill: () => killGroup(child) };
}

function startSh(argv: readonly string[]) {
  // A group of its own, so that a deadline ends the children too.
  return spawn('/bin/sh', argv, {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    env: {
      ...process.env,
      LC_ALL: 'C',
      PATH: SH_PATH,
    },
  });
}

function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It ended by itself in the meantime.
  }
}

function started(child: ReturnType<typeof startSh>): Started {
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
  ended.catch(() => undefined);
  const { stdin, stdout, stderr } = child;
  return { stdin, stdout, stderr, ended, kill: () => killGroup(child) };
}
