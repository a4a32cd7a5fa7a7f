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
const WORK_MS = 60_000;

/** Opens varnishd's command line and signs in. The caller closes it; most use `VarnishCli.use`, which does. */
export async function openVarnishCli(target: Target, options: CliOptions): Promise<VarnishCli> {
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  const stream = await target.connect(socketAddress(options.address), { timeoutMs: TIMEOUT_MS, ...signal });
  const cli = new VarnishCli(target.name, stream, timeoutMs, options.signal);
  try {
    await cli.signIn(
      () => readSecret(target, options.secretPath, { timeoutMs, ...signal }),
      options.secretPath,
    );
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
    if (signal?.aborted) this.#abort();
    else signal?.addEventListener('abort', this.#abort, { once: true });
  }

  /** Signs in, runs the work and closes whatever happens. The signal alone is its deadline: compiling takes a while. */
  static async use<T>(
    target: Target,
    varnish: { readonly cli: string; readonly secret: string },
    signal: AbortSignal,
    work: (cli: VarnishCli) => Promise<T>,
  ): Promise<T> {
    const cli = await openVarnishCli(target, {
      address: varnish.cli,
      secretPath: varnish.secret,
      timeoutMs: WORK_MS,
      signal,
    });
    try {
      return await work(cli);
    } finally {
      cli.close();
    }
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
    const end = performance.now() + this.timeoutMs;
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
        Math.max(0, end - performance.now()),
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

/** A VCL's name in a command. Names come from the config, varnishd itself or a proposal's id. */
export function word(name: string): string {
  if (!/^[A-Za-z][A-Za-z0-9_.-]*$/.test(name)) throw new TypeError(`"${name}" is no VCL name.`);
  return name;
}

/** The secret's bytes, in memory only; base64 on the way, since what the file holds need not be text. */
async function readSecret(
  target: Target,
  path: string,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
): Promise<Buffer> {
  const command = sh`base64 < ${path} 2>/dev/null || sudo -n /usr/bin/base64 ${path}`;
  const output = await target.exec(command, { ...options, maxBytes: 64 * 1024 });
  if (output.status !== 0 || output.stdout.trim() === '')
    throw new WarroomError('NO_RIGHT', {
      target: target.name,
      what: `read ${path}, without which Varnish's command line takes no orders`,
      mend: `On ${target.name}: chgrp varnish ${path} && chmod 640 ${path}, and put the acting account into that group.`,
    });
  return Buffer.from(output.stdout, 'base64');
}

const Vcl = z.object({
  name: z.string(),
  status: z.string(),
  state: z.string().catch(''),
  temperature: z.string().catch(''),
  busy: z.coerce.number().catch(0),
  label: z.unknown().optional(),
});
export type Vcl = z.infer<typeof Vcl>;

/** `vcl.list -j`: one object a VCL. One of unknown form is an error: a name that is not seen could be given twice. */
export async function listVcls(cli: VarnishCli): Promise<Vcl[]> {
  return (await cli.json('vcl.list')).map((entry) => Vcl.parse(entry));
}

const Backends = z.record(
  z.string(),
  z.object({ probe_message: z.unknown().optional(), admin_health: z.string().optional() }),
);

/** Health of the backends of one VCL, by their name without it. */
export async function backendHealth(cli: VarnishCli, vcl: string): Promise<Map<string, boolean>> {
  const [listed] = await cli.json('backend.list', `${word(vcl)}.*`);
  const found = Backends.safeParse(listed ?? {});
  if (!found.success) return new Map();
  return new Map(
    Object.entries(found.data).map(([name, backend]) => [name.slice(vcl.length + 1), isHealthy(backend)]),
  );
}

function isHealthy(backend: { probe_message?: unknown; admin_health?: string | undefined }): boolean {
  if (backend.admin_health === 'sick') return false;
  if (backend.admin_health === 'healthy') return true;
  const words = Array.isArray(backend.probe_message) ? backend.probe_message : [backend.probe_message];
  return words.some((part) => part === 'healthy' || part === 'good');
}

/** One file of `vcl.show -v`: the VCL itself, what it includes, the built-in one. */
export interface VclFile {
  readonly name: string;
  readonly source: string;
}

/** Splits `vcl.show -v` by the lengths that its headers name: `// VCL.SHOW 0 1234 /etc/varnish/default.vcl`. */
export function vclFiles(shown: string): VclFile[] {
  const files: VclFile[] = [];
  let rest = Buffer.from(shown, 'utf8');
  while (rest.length > 0) {
    const end = rest.indexOf(0x0a);
    const header = rest.subarray(0, end < 0 ? rest.length : end).toString('utf8');
    const [, length, name] = /^\/\/ VCL\.SHOW \d+ (\d+) (.*)$/.exec(header) ?? [];
    if (length === undefined || name === undefined || end < 0)
      throw new TypeError('vcl.show -v has an unknown form');
    const from = end + 1;
    files.push({ name, source: rest.subarray(from, from + Number(length)).toString('utf8') });
    rest = rest.subarray(from + Number(length));
    while (rest[0] === 0x0a) rest = rest.subarray(1);
  }
  return files;
}
