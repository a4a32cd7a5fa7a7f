import { randomBytes } from 'node:crypto';
import type { Readable, Writable } from 'node:stream';
import { WarroomError } from '../errors/catalogue.ts';
import type { Command } from './command.ts';
import type { Output, ReadOptions } from './contract.ts';

/** The three streams of a running `sh`, and the way to end it. */
export interface ShellStreams {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  kill(): void;
}

interface Job {
  readonly command: Command;
  readonly options: ReadOptions;
  readonly resolve: (output: Output) => void;
  readonly reject: (error: WarroomError) => void;
  readonly startBy: number;
}

interface Running {
  readonly job: Job;
  readonly marker: string;
  readonly started: number;
  readonly timer: NodeJS.Timeout;
  readonly out: Buffer[];
  readonly err: Buffer[];
  outBytes: number;
  tail: Buffer;
  cut: boolean;
  status: number | undefined;
  errDone: boolean;
}

export const DEFAULT_TIMEOUT_MS = 5_000;
export const DEFAULT_MAX_BYTES = 1024 * 1024;
const ERR_BYTES = 8 * 1024;
const MAX_QUEUE = 64;

/**
 * One long-lived plain `sh` for short reads, one at a time. Each command runs in a subshell with its input from
 * /dev/null; a random marker with the exit status ends its answer on standard output, and the marker alone on
 * standard error. After a missed deadline nothing in the stream can be trusted: the shell is thrown away.
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
    if (this.#closed)
      return Promise.reject(
        new WarroomError('TARGET_UNREACHABLE', {
          target: this.target,
          problem: 'it is being closed',
          mend: '',
        }),
      );
    if (this.#queue.length >= MAX_QUEUE) {
      return Promise.reject(
        new WarroomError('TARGET_UNREACHABLE', {
          target: this.target,
          problem: `${MAX_QUEUE} reads wait already`,
          mend: 'Read it less often.',
        }),
      );
    }
    const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    return new Promise((resolve, reject) => {
      this.#queue.push({ command, options, resolve, reject, startBy: Date.now() + timeoutMs });
      void this.#next();
    });
  }

  close(): void {
    this.#closed = true;
    this.#discard('it is being closed');
  }

  /** The connection below is gone. */
  lost(problem: string): void {
    this.#discard(problem);
  }

  async #next(): Promise<void> {
    if (this.#running || this.#opening) return;
    const job = this.#queue.shift();
    if (!job) return;
    if (Date.now() >= job.startBy) {
      job.reject(this.#deadline(job));
      return this.#next();
    }
    try {
      this.#opening = true;
      this.#streams ??= await this.#opened();
    } catch (thrown) {
      job.reject(
        thrown instanceof WarroomError
          ? thrown
          : new WarroomError(
              'TARGET_UNREACHABLE',
              { target: this.target, problem: String(thrown), mend: '' },
              thrown,
            ),
      );
      return;
    } finally {
      this.#opening = false;
      if (this.#queue.length > 0 && !this.#streams) queueMicrotask(() => void this.#next());
    }
    this.#start(job, this.#streams);
  }

  async #opened(): Promise<ShellStreams> {
    const streams = await this.open();
    const lost = (problem: string) => () => {
      if (this.#streams === streams) this.#discard(problem);
    };
    streams.stdout.on('data', (data: Buffer) => this.#streams === streams && this.#onOut(data));
    streams.stderr.on('data', (data: Buffer) => this.#streams === streams && this.#onErr(data));
    streams.stdout.on('close', lost('its shell ended'));
    streams.stdin.on('error', lost('its shell takes no input'));
    return streams;
  }

  #start(job: Job, streams: ShellStreams): void {
    const marker = `wr${randomBytes(12).toString('hex')}`;
    const timer = setTimeout(() => this.#late(), Math.max(1, job.startBy - Date.now()));
    this.#running = {
      job,
      marker,
      started: Date.now(),
      timer,
      out: [],
      err: [],
      outBytes: 0,
      tail: Buffer.alloc(0),
      cut: false,
      status: undefined,
      errDone: false,
    };
    streams.stdin.write(
      `(\n${job.command.line}\n) </dev/null; printf '\\n%s %s\\n' ${marker} "$?"; printf '\\n%s\\n' ${marker} >&2\n`,
    );
  }

  #onOut(data: Buffer): void {
    const run = this.#running;
    if (!run) return;
    // The frame may be split over reads: only its possible beginning is held back.
    const all = Buffer.concat([run.tail, data]);
    const frame = Buffer.from(`\n${run.marker} `);
    const at = all.indexOf(frame);
    if (at < 0) {
      const keep = Math.min(all.length, frame.length + 8);
      this.#keep(run, all.subarray(0, all.length - keep));
      run.tail = Buffer.from(all.subarray(all.length - keep));
      return;
    }
    const end = all.indexOf('\n', at + frame.length);
    if (end < 0) {
      run.tail = Buffer.from(all);
      return;
    }
    this.#keep(run, all.subarray(0, at));
    run.tail = Buffer.alloc(0);
    run.status = Number(all.subarray(at + frame.length, end).toString('latin1'));
    this.#finish(run);
  }

  #keep(run: Running, data: Buffer): void {
    const room = (run.job.options.maxBytes ?? DEFAULT_MAX_BYTES) - run.outBytes;
    if (data.length > room) run.cut = true;
    const kept = data.subarray(0, Math.max(0, room));
    if (kept.length > 0) run.out.push(Buffer.from(kept));
    run.outBytes += kept.length;
  }

  #onErr(data: Buffer): void {
    const run = this.#running;
    if (!run) return;
    run.err.push(data);
    const all = Buffer.concat(run.err);
    const at = all.indexOf(`\n${run.marker}\n`);
    run.err.splice(0, run.err.length, at >= 0 ? all.subarray(0, Math.min(at, ERR_BYTES)) : keepEnds(all));
    if (at >= 0) {
      run.errDone = true;
      this.#finish(run);
    }
  }

  #finish(run: Running): void {
    if (run.status === undefined || !run.errDone) return;
    clearTimeout(run.timer);
    this.#running = undefined;
    run.job.resolve({
      stdout: Buffer.concat(run.out).toString('utf8'),
      stderr: Buffer.concat(run.err).toString('utf8'),
      status: run.status,
      cut: run.cut,
      ms: Date.now() - run.started,
    });
    void this.#next();
  }

  #late(): void {
    const run = this.#running;
    if (!run) return;
    this.#running = undefined;
    run.job.reject(this.#deadline(run.job));
    this.#throwAway();
    void this.#next();
  }

  #deadline(job: Job): WarroomError {
    return new WarroomError('TARGET_DEADLINE', {
      target: this.target,
      command: short(job.command),
      timeoutMs: job.options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    });
  }

  #discard(problem: string): void {
    const waiting = this.#running ? [this.#running.job, ...this.#queue] : [...this.#queue];
    if (this.#running) clearTimeout(this.#running.timer);
    this.#running = undefined;
    this.#queue.length = 0;
    this.#throwAway();
    for (const job of waiting)
      job.reject(
        new WarroomError('TARGET_UNREACHABLE', {
          target: this.target,
          problem,
          mend: 'It is tried again with the next read.',
        }),
      );
  }

  #throwAway(): void {
    const streams = this.#streams;
    this.#streams = undefined;
    streams?.kill();
  }
}

/** Enough of the beginning to show, and of the end to recognise the marker. */
function keepEnds(all: Buffer): Buffer {
  return all.length <= ERR_BYTES + 64
    ? all
    : Buffer.concat([all.subarray(0, ERR_BYTES), all.subarray(all.length - 64)]);
}

export function short(command: Command): string {
  const line = command.line.replace(/\s+/g, ' ').trim();
  return line.length <= 60 ? line : `${line.slice(0, 59)}…`;
}
