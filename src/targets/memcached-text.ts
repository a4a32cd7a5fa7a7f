import type { Duplex } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { WarroomError } from '../errors/catalogue.ts';

const MAX_BYTES = 1024 * 1024;
/** What a question that went wrong is answered with (memcached's protocol.txt, "Error strings"). */
const REFUSED = /^(ERROR|CLIENT_ERROR|SERVER_ERROR)\b/;

/** A line that the server answered instead of what was asked for. */
export class Refusal extends Error {}

/** The server ended the connection. */
export class Ended extends Error {}

interface Question {
  readonly isLast: (line: string) => boolean;
  readonly lines: string[];
  bytes: number;
  resolve(lines: string[]): void;
  reject(thrown: Error): void;
}

/** memcached's text protocol on one stream, one question at a time. */
export class MemcachedText {
  #asked: Question | undefined;
  #rest = '';
  /** What it said before it was asked: a full server says so and hangs up. */
  #early = '';
  #ended: Error | undefined;

  constructor(
    private readonly stream: Duplex,
    private readonly name: string,
  ) {
    const decoder = new StringDecoder('utf8');
    stream.on('data', (data: Buffer) => this.#take(decoder.write(data)));
    // It stays: a late error that nobody listens to would end the process.
    stream.on('error', (error) => this.#end(new Ended(error.message)));
    stream.on('close', () => this.#end(new Ended('it ended the connection')));
    stream.on('end', () => this.#end(new Ended('it ended the connection')));
  }

  /**
   * Lines up to and with the one that is the last. Throws Refusal, Ended, or TARGET_CUT beyond 1 MiB; after the
   * latter two the stream is of no use any more.
   */
  ask(command: string, isLast: (line: string) => boolean): Promise<string[]> {
    return new Promise((resolve, reject) => {
      if (this.#early !== '') return reject(new Refusal(this.#early));
      if (this.#ended) return reject(this.#ended);
      if (this.#asked) return reject(new Error('Two questions at once on one connection.'));
      this.#asked = { isLast, lines: [], bytes: 0, resolve, reject };
      this.stream.write(`${command}\r\n`);
    });
  }

  /** The one line that answers. */
  async askLine(command: string): Promise<string> {
    return (await this.ask(command, () => true))[0] as string;
  }

  end(): void {
    this.#end(new Ended('it was ended'));
    this.stream.destroy();
  }

  #take(text: string): void {
    const asked = this.#asked;
    if (!asked) {
      this.#early ||= text.slice(0, 200).trim();
      return;
    }
    asked.bytes += text.length;
    if (asked.bytes > MAX_BYTES) {
      this.#end(new WarroomError('TARGET_CUT', { target: this.name, command: 'stats', maxBytes: MAX_BYTES }));
      this.stream.destroy();
      return;
    }
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() as string;
    for (const line of lines) {
      this.#line(line.replace(/\r$/, ''));
      if (!this.#asked) break;
    }
  }

  #line(line: string): void {
    const asked = this.#asked as Question;
    asked.lines.push(line);
    const refused = REFUSED.test(line);
    if (!refused && !asked.isLast(line)) return;
    this.#asked = undefined;
    this.#rest = '';
    if (refused) asked.reject(new Refusal(line));
    else asked.resolve(asked.lines);
  }

  #end(why: Error): void {
    this.#ended ??= why;
    const asked = this.#asked;
    this.#asked = undefined;
    asked?.reject(this.#ended);
  }
}
