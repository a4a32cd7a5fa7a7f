import { type ChildProcess, spawn } from 'node:child_process';
import net from 'node:net';
import { constants } from 'node:os';
import type { Duplex } from 'node:stream';
import { reason, WarroomError } from '../errors/catalogue.ts';
import { collectOutput, Gate, type Started } from './channel.ts';
import type { Command } from './command.ts';
import type { Output, ReadOptions, SocketAddress, Target } from './contract.ts';
import { FramedShell } from './shell.ts';

const CHANNELS = 3;

/** The machine that Warroom runs on, as the user that it runs as. */
export class LocalTarget implements Target {
  readonly #shell: FramedShell;
  readonly #gate: Gate;

  constructor(
    readonly name: string,
    readonly account: 'reading' | 'acting',
  ) {
    this.#gate = new Gate(name, CHANNELS);
    this.#shell = new FramedShell(name, async () => {
      const child = startSh(['-s']);
      child.unref();
      return { stdin: child.stdin, stdout: child.stdout, stderr: child.stderr, kill: () => killGroup(child) };
    });
  }

  read(command: Command, options?: ReadOptions): Promise<Output> {
    return this.#shell.run(command, options);
  }

  exec(command: Command, options: ReadOptions = {}): Promise<Output> {
    return this.#gate.through(() =>
      collectOutput(this.name, command, options, async () => started(startSh(['-c', command.line]))),
    );
  }

  connect(address: SocketAddress, options: Pick<ReadOptions, 'timeoutMs' | 'signal'> = {}): Promise<Duplex> {
    return openSocket(this.name, address, options.timeoutMs ?? 5_000);
  }

  close(): void {
    this.#shell.close();
  }
}

/** A socket of this machine, with a deadline until it is open. */
export function openSocket(target: string, address: SocketAddress, timeoutMs: number): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const where = 'path' in address ? address.path : `${address.host}:${address.port}`;
    const socket =
      'path' in address
        ? net.connect(address.path)
        : net.connect({ host: address.host, port: address.port, noDelay: true });
    const fail = (problem: string, code?: string) => {
      socket.destroy();
      const denied = code === 'EACCES' || code === 'EPERM';
      reject(
        denied
          ? new WarroomError('NO_RIGHT', {
              target,
              what: `use the socket ${where}`,
              mend: `Give its user the group of that socket: ls -l ${where}`,
            })
          : new WarroomError('TARGET_UNREACHABLE', {
              target: `${target} ${where}`,
              problem,
              mend: 'Is the service running there?',
            }),
      );
    };
    const timer = setTimeout(() => fail(`no answer within ${timeoutMs} ms`), timeoutMs);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.removeAllListeners('error');
      resolve(socket);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      fail(reason(error), error.code);
    });
  });
}

function startSh(argv: readonly string[]) {
  // A group of its own, so that a deadline ends the children too; the system's tools before anybody's own.
  return spawn('/bin/sh', argv, {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, LC_ALL: 'C', PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
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
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    ended,
    kill: () => killGroup(child),
  };
}
