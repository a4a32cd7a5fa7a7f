import { createHash, randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { z } from 'zod';
import type { VarnishService } from '../../config/schema.ts';
import { WarroomError } from '../../errors/catalogue.ts';
import { sh } from '../../targets/command.ts';
import type { Target } from '../../targets/contract.ts';
import { socketAddress } from './address.ts';

export interface CliAnswer {
  readonly status: number;
  readonly body: string;
}

type Varnish = Pick<z.infer<typeof VarnishService>, 'cli' | 'secret'>;

const HEADER_BYTES = 13;
const MAX_ANSWER = 4 * 1024 * 1024;

/**
 * One session of varnishd's command line protocol (doc/sphinx/reference/varnish-cli.rst): a 13 byte header with
 * status and length, the body, a newline. The length must match: a cut answer (201) is never taken for a whole one.
 */
export class VarnishCli {
  #buffer = Buffer.alloc(0);
  #wake: (() => void) | undefined;
  #problem: Error | undefined;

  private constructor(
    private readonly host: string,
    private readonly stream: Duplex,
    private readonly signal: AbortSignal,
  ) {
    stream.on('data', (chunk: Buffer) => {
      this.#buffer = Buffer.concat([this.#buffer, chunk]);
      this.#wake?.();
    });
    const end = (problem: Error) => {
      this.#problem ??= problem;
      this.#wake?.();
    };
    stream.on('error', end);
    stream.on('close', () => end(new Error('the connection was closed')));
    const abort = () => {
      end(new Error('its deadline passed'));
      stream.destroy();
    };
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  }

  /** Connects, signs in, runs the work and closes whatever happens. */
  static async use<T>(
    target: Target,
    varnish: Varnish,
    signal: AbortSignal,
    work: (cli: VarnishCli) => Promise<T>,
  ): Promise<T> {
    const stream = await target.connect(socketAddress(varnish.cli), { timeoutMs: 5000, signal });
    const cli = new VarnishCli(target.name, stream, signal);
    try {
      await cli.#signIn(target, varnish.secret);
      return await work(cli);
    } finally {
      stream.destroy();
    }
  }

  /** A command whose every failure is an answer. */
  async ask(line: string): Promise<CliAnswer> {
    if (this.#problem) throw this.#broken(this.#problem.message);
    this.stream.write(`${line}\n`);
    return this.#answer();
  }

  /** A command that must answer 200; anything else is COMMAND_FAILED with varnishd's own words. */
  async run(line: string): Promise<string> {
    const { status, body } = await this.ask(line);
    if (status !== 200)
      throw new WarroomError('COMMAND_FAILED', {
        target: this.host,
        command: line.split('\n')[0] ?? '',
        status,
        problem: status === 201 ? 'the answer was cut off (201)' : body.trim(),
      });
    return body;
  }

  /** Compiles a VCL sent along with the command. */
  inline(name: string, source: string): Promise<string> {
    const end = `END_${randomBytes(12).toString('hex')}`;
    return this.run(`vcl.inline ${word(name)} << ${end}\n${source.replace(/\n?$/, '\n')}${end}`);
  }

  async #signIn(target: Target, secretPath: string): Promise<void> {
    const greeting = await this.#answer();
    if (greeting.status === 200) return;
    if (greeting.status !== 107) throw this.#broken(`the greeting has status ${greeting.status}`);
    const secret = await readSecret(target, secretPath, this.signal);
    const challenge = greeting.body.slice(0, 32);
    const hash = createHash('sha256')
      .update(`${challenge}\n`)
      .update(secret)
      .update(`${challenge}\n`)
      .digest('hex');
    const answer = await this.ask(`auth ${hash}`);
    if (answer.status !== 200)
      throw new WarroomError('NO_RIGHT', {
        target: target.name,
        what: 'use Varnish’s command line: it refused the secret',
        mend: `Check that varnishd on ${target.name} was started with -S ${secretPath}.`,
      });
  }

  async #answer(): Promise<CliAnswer> {
    const header = (await this.#take(HEADER_BYTES)).toString('latin1');
    const [, status, length] = /^(\d{3}) (\d+) *\n$/.exec(header) ?? [];
    if (status === undefined || length === undefined)
      throw this.#broken('it does not begin with status and length');
    if (Number(length) > MAX_ANSWER) throw this.#broken(`an answer of ${length} bytes`);
    const body = await this.#take(Number(length) + 1);
    if (body.at(-1) !== 0x0a) throw this.#broken('its length is not the one that it names');
    return { status: Number(status), body: body.subarray(0, -1).toString('utf8') };
  }

  async #take(bytes: number): Promise<Buffer> {
    while (this.#buffer.length < bytes) {
      if (this.#problem) throw this.#broken(this.#problem.message);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const taken = this.#buffer.subarray(0, bytes);
    this.#buffer = this.#buffer.subarray(bytes);
    return taken;
  }

  #broken(problem: string): WarroomError {
    return new WarroomError('BAD_ANSWER', {
      target: this.host,
      expected: 'one of Varnish’s command line',
      problem,
    });
  }
}

/** A name in a CLI command. Names come from the config, varnishd itself or a proposal's id. */
export function word(name: string): string {
  if (!/^[A-Za-z][A-Za-z0-9_.-]*$/.test(name)) throw new TypeError(`"${name}" is no VCL name.`);
  return name;
}

/** The secret's bytes, in memory only. Read as base64: what the file holds need not be text. */
async function readSecret(target: Target, path: string, signal: AbortSignal): Promise<Buffer> {
  const output = await target.exec(sh`base64 < ${path} 2>/dev/null || sudo -n /usr/bin/base64 ${path}`, {
    timeoutMs: 5000,
    signal,
  });
  if (output.status !== 0 || output.stdout.trim() === '')
    throw new WarroomError('NO_RIGHT', {
      target: target.name,
      what: `read ${path}, without which Varnish's command line takes no orders`,
      mend: `On ${target.name}: chgrp varnish ${path} && chmod 640 ${path}, and put the acting account into that group.`,
    });
  return Buffer.from(output.stdout, 'base64');
}

const Listed = z.object({
  name: z.string(),
  status: z.string(),
  state: z.string(),
  temperature: z.string(),
  busy: z.coerce.number().catch(0),
  label: z.unknown().optional(),
});
export type ListedVcl = z.infer<typeof Listed>;

/** `vcl.list -j`: version, argv and time, then one object a VCL. */
export async function listVcls(cli: VarnishCli): Promise<ListedVcl[]> {
  const parsed: unknown = JSON.parse(await cli.run('vcl.list -j'));
  if (!Array.isArray(parsed)) throw new TypeError('vcl.list gave no list');
  return parsed.slice(3).map((entry) => Listed.parse(entry));
}

const Backends = z.record(
  z.string(),
  z.object({ probe_message: z.unknown().optional(), admin_health: z.string().optional() }),
);

/** Health of the backends of one VCL, by their name without it. */
export async function backendHealth(cli: VarnishCli, vcl: string): Promise<Map<string, boolean>> {
  const parsed: unknown = JSON.parse(await cli.run(`backend.list -j ${word(vcl)}.*`));
  const last: unknown = Array.isArray(parsed) ? parsed[3] : undefined;
  const found = Backends.safeParse(last ?? {});
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
