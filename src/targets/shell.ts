import type { Readable, Writable } from 'node:stream';
import { reason, WarroomError } from '../errors/catalogue.ts';
import { DEFAULT_MAX_BYTES, DEFAULT_TIMEOUT_MS, ERR_BYTES, missedDeadline } from './channel.ts';
import type { Command } from './command.ts';
import type { Output, ReadOptions } from './contract.ts';
import { type Frame, FrameReader } from './frame.ts';

/** The three streams of a running `sh`, and the way to end it with all that it started. */
export interface ShellStreams {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  kill(): void;
}

interface Job {
  readonly command: Command;
  readonly maxBytes: number;
  /** Ends it one way or the other, once; later calls do nothing. */
  readonly done: (outcome: Output | WarroomError) => void;
}

interface Running {
  readonly job: Job;
  readonly frame: FrameReader;
  readonly startedAt: number;
}

/** Where the system's tools are, before anybody's own; and words that a parser can rely on. */
export const SH_PATH = '/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin';
export const SH_ENV = `LC_ALL=C PATH=${SH_PATH}`;

const MAX_QUEUE = 64;

/**
 * One long-lived plain `sh` for short reads, one at a time, each with its deadline from the moment it is asked for.
 * After a missed deadline, or bytes that no command asked for, nothing in the stream can be trusted: the shell is
 * thrown away, and the next read starts another.
 */
export class FramedShell {
  readonly #queue: Job[] = [];
  #running: Running | undefined;
  #streams: ShellStreams | undefined;
  #opening = false;
  #closed = false;

  constructor(
    private readonly target: string,
    private readonly open: () => Promise<ShellStreams>,
  ) {}

  run(command: Command, options: ReadOptions = {}): Promise<Output> {
    if (this.#closed) return Promise.reject(this.#unreachable('it is being closed'));
    if (this.#queue.length >= MAX_QUEUE)
      return Promise.reject(this.#unreachable(`${MAX_QUEUE} reads wait already`));
    const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    return new Promise((resolve, reject) => {
      const late = () => this.#late(job, timeoutMs);
      const timer = setTimeout(late, timeoutMs);
      const job: Job = {
        command,
        maxBytes: options.maxBytes ?? DEFAULT_MAX_BYTES,
        done: (outcome) => {
          clearTimeout(timer);
          options.signal?.removeEventListener('abort', late);
          if (outcome instanceof WarroomError) reject(outcome);
          else resolve(outcome);
        },
      };
      this.#queue.push(job);
      options.signal?.addEventListener('abort', late, { once: true });
      if (options.signal?.aborted) late();
      this.#next();
    });
  }

  close(): void {
    this.#closed = true;
    this.#discard(this.#unreachable('it is being closed'));
  }

  /** The connection below is gone. */
  lost(problem: string): void {
    this.#discard(this.#unreachable(problem));
  }

  #next(): void {
    if (this.#running || this.#opening || this.#queue.length === 0) return;
    if (!this.#streams) {
      this.#opening = true;
      this.#openShell().then(
        () => {
          this.#opening = false;
          this.#next();
        },
        (thrown: unknown) => {
          this.#opening = false;
          // What keeps one from being asked keeps all from it: nobody waits for his own failure.
          this.#discard(thrown instanceof WarroomError ? thrown : this.#unreachable(reason(thrown), thrown));
        },
      );
      return;
    }
    const job = this.#queue.shift() as Job;
    const frame = new FrameReader(job.maxBytes, ERR_BYTES);
    this.#running = { job, frame, startedAt: Date.now() };
    this.#streams.stdin.write(frame.script(job.command));
  }

  async #openShell(): Promise<void> {
    const streams = await this.open();
    if (this.#closed) {
      streams.kill();
      return;
    }
    this.#streams = streams;
    const mine = (listener: (data: Buffer) => void) => (data: Buffer) => {
      if (this.#streams === streams) listener(data);
    };
    const lost = (problem: string) => () => {
      if (this.#streams === streams) this.lost(problem);
    };
    streams.stdout.on(
      'data',
      mine((data) => this.#onOut(data)),
    );
    streams.stderr.on(
      'data',
      mine((data) => this.#onErr(data)),
    );
    streams.stdout.on('close', lost('its shell ended'));
    for (const stream of [streams.stdin, streams.stdout, streams.stderr])
      stream.on('error', lost('its shell was cut off'));
  }

  #onOut(data: Buffer): void {
    // Bytes after the end of an answer: something was left running, and would mix into the next.
    const answer = this.#running ? this.#running.frame.onOut(data) : 'garbage';
    if (answer === 'garbage') this.#garbage();
    else if (answer) this.#finish(answer);
  }

  #onErr(data: Buffer): void {
    const answer = this.#running?.frame.onErr(data);
    if (answer) this.#finish(answer);
  }

  #finish(frame: Frame): void {
    const { job, startedAt } = this.#running as Running;
    this.#running = undefined;
    job.done({ ...frame, ms: Date.now() - startedAt });
    this.#next();
  }

  #garbage(): void {
    this.#throwAway();
    const run = this.#running;
    this.#running = undefined;
    run?.job.done(
      new WarroomError('BAD_ANSWER', {
        target: this.target,
        expected: 'one whole answer',
        problem: 'its shell said something that nobody asked for',
      }),
    );
    this.#next();
  }

  #late(job: Job, timeoutMs: number): void {
    job.done(missedDeadline(this.target, job.command, timeoutMs));
    const waiting = this.#queue.indexOf(job);
    if (waiting >= 0) this.#queue.splice(waiting, 1);
    if (this.#running?.job !== job) return;
    this.#running = undefined;
    this.#throwAway();
    this.#next();
  }

  #discard(error: WarroomError): void {
    const jobs = [...(this.#running ? [this.#running.job] : []), ...this.#queue.splice(0)];
    this.#running = undefined;
    this.#throwAway();
    for (const job of jobs) job.done(error);
  }

  #throwAway(): void {
    const streams = this.#streams;
    this.#streams = undefined;
    streams?.kill();
  }

  #unreachable(problem: string, cause?: unknown): WarroomError {
    return new WarroomError(
      'TARGET_UNREACHABLE',
      { target: this.target, problem, mend: 'It is tried again with the next read.' },
      cause,
    );
  }
}
