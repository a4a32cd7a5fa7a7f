import { randomBytes } from 'node:crypto';
import type { Command } from './command.ts';

export interface Frame {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
  readonly cut: boolean;
}

/**
 * One command's answer in the streams of a shell that runs many. The command runs in a subshell with its input from
 * /dev/null; a random marker with the exit status ends its standard output, the marker alone its standard error.
 * `undefined` = not whole yet; `'garbage'` = the stream cannot be trusted any more.
 */
export class FrameReader {
  readonly #marker = `wr${randomBytes(12).toString('hex')}`;
  readonly #outFrame = Buffer.from(`\n${this.#marker} `);
  readonly #errFrame = Buffer.from(`\n${this.#marker}\n`);
  readonly #out: Buffer[] = [];
  #outBytes = 0;
  #tail: Buffer = Buffer.alloc(0);
  #err: Buffer = Buffer.alloc(0);
  #cut = false;
  #status: number | undefined;
  #errWhole = false;

  constructor(
    private readonly maxBytes: number,
    private readonly errBytes: number,
  ) {}

  /** What to write to the shell. */
  script(command: Command): string {
    const marker = this.#marker;
    return `(\n${command.line}\n) </dev/null; printf '\\n%s %s\\n' ${marker} "$?"; printf '\\n%s\\n' ${marker} >&2\n`;
  }

  onOut(data: Buffer): Frame | 'garbage' | undefined {
    if (this.#status !== undefined) return 'garbage';
    const all = Buffer.concat([this.#tail, data]);
    const at = all.indexOf(this.#outFrame);
    if (at < 0) {
      // The frame may be split over reads: its possible beginning is held back.
      const held = Math.min(all.length, this.#outFrame.length - 1);
      this.#keep(all.subarray(0, all.length - held));
      this.#tail = Buffer.from(all.subarray(all.length - held));
      return undefined;
    }
    const end = all.indexOf('\n', at + this.#outFrame.length);
    if (end < 0) {
      this.#tail = all;
      return undefined;
    }
    this.#keep(all.subarray(0, at));
    const status = all.subarray(at + this.#outFrame.length, end).toString('latin1');
    if (!/^\d{1,3}$/.test(status) || end + 1 < all.length) return 'garbage';
    this.#status = Number(status);
    return this.#whole();
  }

  onErr(data: Buffer): Frame | undefined {
    const all = Buffer.concat([this.#err, data]);
    const at = all.indexOf(this.#errFrame);
    this.#errWhole = at >= 0;
    this.#err = this.#errWhole ? all.subarray(0, Math.min(at, this.errBytes)) : this.#ends(all);
    return this.#whole();
  }

  #whole(): Frame | undefined {
    if (this.#status === undefined || !this.#errWhole) return undefined;
    return {
      stdout: (this.#out.length === 1 ? (this.#out[0] as Buffer) : Buffer.concat(this.#out)).toString('utf8'),
      stderr: this.#err.toString('utf8'),
      status: this.#status,
      cut: this.#cut,
    };
  }

  /** It is of a buffer that was joined for this frame: nobody writes into it any more. */
  #keep(data: Buffer): void {
    const kept = data.subarray(0, Math.max(0, this.maxBytes - this.#outBytes));
    this.#cut ||= kept.length < data.length;
    if (kept.length > 0) this.#out.push(kept);
    this.#outBytes += kept.length;
  }

  /** Enough of the beginning to show, and of the end to recognise the marker. */
  #ends(all: Buffer): Buffer {
    const tail = this.#errFrame.length;
    if (all.length <= this.errBytes + tail) return all;
    return Buffer.concat([all.subarray(0, this.errBytes), all.subarray(all.length - tail)]);
  }
}
