import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { missingOf } from '../../installed.ts';
import { freePort, until } from '../varnish/servers.ts';

const PROGRAM = '/usr/bin/memcached';

export function missingMemcached(): string | undefined {
  return missingOf([PROGRAM]);
}

export interface Daemon {
  readonly port: number;
  readonly child: ChildProcess;
}

/** memcached daemons of one test; all end with `stop`. */
export class Daemons {
  readonly folder = mkdtempSync(join(tmpdir(), 'warroom-memcached-'));
  readonly #children = new Set<ChildProcess>();

  constructor() {
    chmodSync(this.folder, 0o755);
  }

  async start(argv: readonly string[] = [], env: Record<string, string> = {}): Promise<Daemon> {
    const port = await freePort();
    const child = spawn(
      PROGRAM,
      ['-u', 'nobody', '-l', '127.0.0.1', '-p', String(port), '-t', '2', ...argv],
      { stdio: 'ignore', env: { ...process.env, ...env } },
    );
    this.#children.add(child);
    await until(() => opens(port));
    return { port, child };
  }

  file(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text, { mode: 0o644 });
    return path;
  }

  async stop(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function opens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host: '127.0.0.1', port });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}

/** What an application does: commands on one connection, each answered before the next. */
export class Shop {
  readonly #socket: net.Socket;
  #text = '';
  #wake: () => void = () => undefined;

  constructor(port: number) {
    this.#socket = net.connect({ host: '127.0.0.1', port, noDelay: true });
    this.#socket.on('data', (data) => {
      this.#text += data.toString('latin1');
      this.#wake();
    });
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => this.#wake());
  }

  /** All that is said until a line that begins with one of the words that end an answer. */
  async say(command: string): Promise<string> {
    this.#text = '';
    this.#socket.write(`${command}\r\n`);
    const last =
      /^(END|STORED|NOT_STORED|OK|DELETED|NOT_FOUND|RESET|ERROR|CLIENT_ERROR.*|SERVER_ERROR.*|VERSION.*)\r\n$/m;
    while (!last.test(this.#text.slice(-200))) {
      if (this.#socket.destroyed) throw new Error(`hung up after ${JSON.stringify(this.#text.slice(0, 80))}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#text;
  }

  async get(key: string): Promise<boolean> {
    return (await this.say(`get ${key}`)).startsWith('VALUE');
  }

  set(key: string, bytes: number, seconds = 0): Promise<string> {
    return this.say(`set ${key} 0 ${seconds} ${bytes}\r\n${'x'.repeat(bytes)}`);
  }

  /** `stats GROUP` as the server itself says it. */
  async stats(group = ''): Promise<Map<string, string>> {
    const text = await this.say(`stats ${group}`.trim());
    return new Map(
      [...text.matchAll(/^STAT (\S+) (.*?)\r$/gm)].map(([, name, value]) => [
        name as string,
        value as string,
      ]),
    );
  }

  end(): void {
    this.#socket.destroy();
  }
}
