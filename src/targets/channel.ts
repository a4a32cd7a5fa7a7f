import type { Readable, Writable } from 'node:stream';
import { WarroomError } from '../errors/catalogue.ts';
import type { Command } from './command.ts';
import type { Output, ReadOptions } from './contract.ts';

export const DEFAULT_TIMEOUT_MS = 5_000;
export const DEFAULT_MAX_BYTES = 1024 * 1024;
export const ERR_BYTES = 8 * 1024;

/** A started command: its streams, how it ends, and the way to end it early. */
export interface Started {
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** Exit code, or 128 + n after signal n; rejects when it could not be started or the connection is lost. */
  readonly ended: Promise<number>;
  kill(): void;
}

/** Collects what a command says until it ends or its deadline passes; then it is killed. */
export async function collectOutput(
  target: string,
  command: Command,
  options: ReadOptions,
  start: () => Promise<Started>,
): Promise<Output> {
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const began = Date.now();
  const late = deadline(timeoutMs, options.signal, () => missedDeadline(target, command, timeoutMs));
  let started: Started | undefined;
  let given = false;
  try {
    const opening = start();
    // One that starts after its deadline has nobody to end it but us.
    opening.then(
      (tooLate) => given && started !== tooLate && tooLate.kill(),
      () => undefined,
    );
    started = await Promise.race([opening, late.passed]);
    const out = keep(started.stdout, options.maxBytes ?? DEFAULT_MAX_BYTES);
    const err = keep(started.stderr, ERR_BYTES);
    // A command may end without reading its input; that is no error of ours.
    started.stdin?.on('error', () => undefined);
    started.stdin?.end(options.input ?? '');
    const status = await Promise.race([started.ended, late.passed]);
    return { stdout: out.text(), stderr: err.text(), status, cut: out.cut(), ms: Date.now() - began };
  } catch (thrown) {
    started?.kill();
    throw thrown;
  } finally {
    given = true;
    late.stop();
  }
}

/** A promise that only ever rejects: at the deadline, or when the signal says so. */
function deadline(timeoutMs: number, signal: AbortSignal | undefined, error: () => WarroomError) {
  let fail: () => void = () => undefined;
  const passed = new Promise<never>((_, reject) => {
    fail = () => reject(error());
  });
  passed.catch(() => undefined);
  const timer = setTimeout(fail, timeoutMs);
  signal?.addEventListener('abort', fail, { once: true });
  if (signal?.aborted) fail();
  return {
    passed,
    stop: () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', fail);
    },
  };
}

/** Keeps the beginning; the rest is read all the same, so that the command is not stopped by a full pipe. */
function keep(stream: Readable | null, maxBytes: number): { text(): string; cut(): boolean } {
  const parts: Buffer[] = [];
  let bytes = 0;
  let cut = false;
  stream?.on('data', (data: Buffer) => {
    const kept = data.subarray(0, maxBytes - bytes);
    cut ||= kept.length < data.length;
    if (kept.length > 0) parts.push(kept);
    bytes += kept.length;
  });
  stream?.on('error', () => undefined);
  return { text: () => Buffer.concat(parts).toString('utf8'), cut: () => cut };
}

export function missedDeadline(target: string, command: Command, timeoutMs: number): WarroomError {
  return new WarroomError('TARGET_DEADLINE', { target, command: short(command), timeoutMs });
}

/** A command as an error shows it. */
export function short(command: Command): string {
  const line = command.line.replace(/\s+/g, ' ').trim();
  return line.length <= 60 ? line : `${line.slice(0, 59)}…`;
}
