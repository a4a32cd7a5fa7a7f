import type { Readable, Writable } from 'node:stream';
import { WarroomError } from '../errors/catalogue.ts';
import type { Command } from './command.ts';
import type { Output, ReadOptions } from './contract.ts';
import { DEFAULT_MAX_BYTES, DEFAULT_TIMEOUT_MS, short } from './shell.ts';

/** A started command: its streams, how it ends, and the way to end it early. */
export interface Started {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Exit code, or 128 + n after signal n; rejects when the connection is lost. */
  readonly ended: Promise<number>;
  kill(): void;
}

const ERR_BYTES = 8 * 1024;

/** Collects what a command says until it ends or its deadline passes. */
export async function collectOutput(
  target: string,
  command: Command,
  options: ReadOptions,
  start: () => Promise<Started>,
): Promise<Output> {
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
  const began = Date.now();
  let started: Started | undefined;
  let stop: (() => void) | undefined;
  const late = new Promise<never>((_, reject) => {
    const fail = () =>
      reject(new WarroomError('TARGET_DEADLINE', { target, command: short(command), timeoutMs }));
    const timer = setTimeout(fail, timeoutMs);
    options.signal?.addEventListener('abort', fail, { once: true });
    stop = () => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', fail);
    };
  });
  try {
    const opening = start();
    opening.then(
      (late2) => stop === undefined && late2.kill(),
      () => undefined,
    );
    started = await Promise.race([opening, late]);
    const out = keep(started.stdout, maxBytes);
    const err = keep(started.stderr, ERR_BYTES);
    started.stdin.on('error', () => undefined);
    started.stdin.end(options.input ?? '');
    const status = await Promise.race([started.ended, late]);
    return { stdout: out.text(), stderr: err.text(), status, cut: out.cut(), ms: Date.now() - began };
  } catch (thrown) {
    started?.kill();
    throw thrown;
  } finally {
    stop?.();
    stop = undefined;
    late.catch(() => undefined);
  }
}

function keep(stream: Readable, maxBytes: number): { text(): string; cut(): boolean } {
  const parts: Buffer[] = [];
  let bytes = 0;
  let cut = false;
  stream.on('data', (data: Buffer) => {
    const room = maxBytes - bytes;
    if (data.length > room) cut = true;
    if (room > 0) parts.push(data.subarray(0, room));
    bytes += Math.min(data.length, Math.max(0, room));
  });
  stream.on('error', () => undefined);
  return { text: () => Buffer.concat(parts).toString('utf8'), cut: () => cut };
}

/** At most `most` at once; a bounded number waits, in order. */
export class Gate {
  #taken = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(
    private readonly target: string,
    private readonly most: number,
    private readonly mostWaiting = 32,
  ) {}

  async through<T>(work: () => Promise<T>): Promise<T> {
    if (this.#taken >= this.most) {
      if (this.#waiting.length >= this.mostWaiting)
        throw new WarroomError('TARGET_UNREACHABLE', {
          target: this.target,
          problem: `${this.mostWaiting} commands wait already`,
          mend: 'Try again in a moment.',
        });
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#taken += 1;
    try {
      return await work();
    } finally {
      this.#taken -= 1;
      this.#waiting.shift()?.();
    }
  }
}
