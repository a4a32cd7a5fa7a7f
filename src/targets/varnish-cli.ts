import { createHash, randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { z } from 'zod';
import { reason, WarroomError } from '../errors/catalogue.ts';
import { sh } from './command.ts';
import type { Target } from './contract.ts';
import { socketAddress } from './stream.ts';

export interface CliAnswer {
  /** 200 well, 101 unknown, 106 a parameter or the compiler, 107 sign in first, 201 cut off, 300 cannot. */
  readonly status: number;
  readonly body: string;
}

export interface CliOptions {
  readonly address: string;
  readonly secretPath: string;
  /** Milliseconds for each answer; default 5000. Compiling a VCL takes up to some seconds. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

const HEADER = 13;
const MAX_ANSWER = 4 * 1024 * 1024;
const TIMEOUT_MS = 5000;

/** Opens varnishd's command line and signs in. The caller closes it. */
export async function openVarnishCli(target: Target, options: CliOptions): Promise<VarnishCli> {
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  const stream = await target.connect(socketAddress(options.address), { timeoutMs, ...signal });
  const cli = new VarnishCli(target.name, stream, timeoutMs, options.signal);
  try {
    await cli.signIn(() => readSecret(target, options.secretPath, timeoutMs), options.secretPath);
    return cli;
  } catch (thrown) {
    cli.close();
    throw thrown;
  }
}

/**
 * One session of varnishd's command line protocol (doc/sphinx/reference/varnish-cli.rst): an answer is a header of
 * 13 bytes with status and length, the body and a newline. One command at a time.
 */
export class VarnishCli {
  #buffer: Buffer = Buffer.alloc(0);
  #wake: () => void = () => undefined;
  #problem: string | undefined;

  constructor(
    private readonly target: string,
    private readonly stream: Duplex,
    private readonly timeoutMs: number,
    private readonly signal: AbortSignal | undefined,
  ) {
    stream.on('data', (chunk: Buffer) => {
      this.#buffer = Buffer.concat([this.#buffer, chunk]);
      this.#wake();
    });
    stream.on('error', (error) => this.#fail(reason(error)));
    stream.on('close', () => this.#fail('the connection was closed'));
    signal?.addEventListener('abort', this.#abort, { once: true });
  }

  close(): void {
    this.signal?.removeEventListener('abort', this.#abort);
    this.stream.destroy();
  }

  /** Any answer, whatever its status. Arguments are quoted here; `vcl.inline` sends its source as a heredoc. */
  async ask(...args: readonly string[]): Promise<CliAnswer> {
    if (this.#problem !== undefined) throw this.#bad(this.#problem);
    this.stream.write(`${commandLine(args)}\n`);
    return this.#answer(args[0] ?? '');
  }

  /** The body of an answer that must be 200. A cut one (201) is refused: what is missing could be what matters. */
  async run(...args: readonly string[]): Promise<string> {
    const { status, body } = await this.ask(...args);
    const command = args.slice(0, 2).join(' ');
    if (status === 201)
      throw new WarroomError('TARGET_CUT', {
        target: this.target,
        command,
        maxBytes: Buffer.byteLength(body),
      });
    if (status !== 200)
      throw new WarroomError('COMMAND_FAILED', {
        target: this.target,
        command,
        status,
        problem: body.trim(),
      });
    return body;
  }

  /** What a command answers to `-j`, without its version, arguments and time. */
  async json(command: string, ...args: readonly string[]): Promise<unknown[]> {
    const body = await this.run(command, '-j', ...args);
    try {
      return z.array(z.unknown()).parse(JSON.parse(body)).slice(3);
    } catch (thrown) {
      throw this.#bad(`${command} -j: ${reason(thrown).split('\n')[0]}`, thrown);
    }
  }

  async signIn(secret: () => Promise<Buffer>, secretPath: string): Promise<void> {
    const greeting = await this.#answer('');
    if (greeting.status === 200) return;
    if (greeting.status !== 107) throw this.#bad(`the greeting has status ${greeting.status}`);
    const challenge = greeting.body.slice(0, 32);
    const proof = createHash('sha256')
      .update(`${challenge}\n`)
      .update(await secret())
      .update(`${challenge}\n`)
      .digest('hex');
    const answer = await this.ask('auth', proof);
    if (answer.status !== 200)
      throw new WarroomError('NO_RIGHT', {
        target: this.target,
        what: "use Varnish's command line: it refused the secret",
        mend: `Is ${secretPath} the file that varnishd was given with -S?`,
      });
  }

  async #answer(command: string): Promise<CliAnswer> {
    const end = Date.now() + this.timeoutMs;
    const header = (await this.#take(HEADER, command, end)).toString('latin1');
    const [, status, length] = /^(\d{3}) (\d{1,8}) *\n$/.exec(header) ?? [];
    if (status === undefined || length === undefined)
      throw this.#bad('it does not begin with status and length');
    if (Number(length) > MAX_ANSWER)
      throw new WarroomError('TARGET_CUT', { target: this.target, command, maxBytes: MAX_ANSWER });
    const body = await this.#take(Number(length) + 1, command, end);
    if (body.at(-1) !== 0x0a) throw this.#bad('its length is not the one that it names');
    return { status: Number(status), body: body.subarray(0, -1).toString('utf8') };
  }

  async #take(bytes: number, command: string, end: number): Promise<Buffer> {
    while (this.#buffer.length < bytes) {
      if (this.#problem !== undefined) throw this.#bad(this.#problem);
      await this.#more(command, end);
    }
    const taken = this.#buffer.subarray(0, bytes);
    this.#buffer = this.#buffer.subarray(bytes);
    return taken;
  }

  /** Until more was read. After a missed deadline the session is over: the late answer would be taken for the next. */
  async #more(command: string, end: number): Promise<void> {
    const { timeoutMs } = this;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => {
          this.#fail('an earlier answer did not come in time');
          this.close();
          reject(new WarroomError('TARGET_DEADLINE', { target: this.target, command, timeoutMs }));
        },
        Math.max(0, end - Date.now()),
      );
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  readonly #abort = () => {
    this.#fail('it was given up');
    this.close();
  };

  #fail(problem: string): void {
    this.#problem ??= problem;
    this.#wake();
  }

  #bad(problem: string, cause?: unknown): WarroomError {
    return new WarroomError(
      'BAD_ANSWER',
      { target: this.target, expected: "one of Varnish's command line", problem },
      cause,
    );
  }
}

/** A command as one line; the source of `vcl.inline NAME SOURCE` follows it up to a word of our own. */
export function commandLine(args: readonly string[]): string {
  const [command = '', name = '', source] = args;
  if (command !== 'vcl.inline' || source === undefined) return args.map(quoteWord).join(' ');
  const end = `END_${randomBytes(12).toString('hex')}`;
  return `${command} ${quoteWord(name)} << ${end}\n${source.endsWith('\n') ? source : `${source}\n`}${end}`;
}

/** In quotes, with the escapes that varnishd knows (lib/libvarnish/vav.c): \\ \" \n \r \t and \ooo. */
export function quoteWord(word: string): string {
  if (/^[A-Za-z0-9_./:~^*-]+$/.test(word)) return word;
  if (word.includes('\0')) throw new TypeError('a command may not hold a NUL byte');
  const escaped = word
    .replace(/[\\"]/g, '\\$&')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t')
    .replace(/[\u0001-\u001f\u007f]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`);
  return `"${escaped}"`;
}

/** The secret's bytes, in memory only; base64 on the way, since what the file holds need not be text. */
async function readSecret(target: Target, path: string, timeoutMs: number): Promise<Buffer> {
  const output = await target.exec(sh`base64 < ${path}`, { timeoutMs, maxBytes: 64 * 1024 });
  if (output.status !== 0 || output.stdout.trim() === '')
    throw new WarroomError('NO_RIGHT', {
      target: target.name,
      what: `read ${path}, without which Varnish's command line takes no orders`,
      mend: `On ${target.name}: chgrp warroom-act ${path} && chmod 640 ${path}`,
    });
  return Buffer.from(output.stdout, 'base64');
}

const Vcl = z.object({ name: z.string(), status: z.string(), temperature: z.string().catch('') });
export type Vcl = z.infer<typeof Vcl>;

/** `vcl.list -j`: one object a VCL. */
export async function listVcls(cli: VarnishCli): Promise<Vcl[]> {
  return (await cli.json('vcl.list')).flatMap((entry) => {
    const vcl = Vcl.safeParse(entry);
    return vcl.success ? [vcl.data] : [];
  });
}
