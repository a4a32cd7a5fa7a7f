import type { ServerResponse } from 'node:http';
import { reason } from '../../errors/catalogue.ts';
import type { Desk, DeskEvent } from '../contract.ts';
import type { Caller } from './caller.ts';
import type { ConsoleLog } from './contract.ts';
import { maySee } from './routes.ts';
import type { Sessions } from './sessions.ts';

const MOST_READERS = 200;
const BEAT_MS = 5000;
const HERE_MS = 100;
/** A reader that lets this much pile up is cut off: it asks for everything again when it comes back. */
const MOST_WAITING_BYTES = 4 * 1024 * 1024;

interface Reader {
  readonly caller: Caller;
  readonly response: ServerResponse;
}

/** Server-sent events. Rights are asked again at each delivery, so a revoked session hears nothing more. */
export class Streams {
  readonly #readers = new Set<Reader>();
  readonly #unsubscribe: () => void;
  readonly #beat: NodeJS.Timeout;
  #herePending: NodeJS.Timeout | undefined;
  #lastId = 0;
  #waiting: DeskEvent[] = [];
  #delivering = false;

  constructor(
    private readonly desk: Desk,
    private readonly sessions: Sessions,
    private readonly log: ConsoleLog,
    private readonly isKnown: (caller: Caller) => boolean,
    private readonly now: () => number,
  ) {
    this.#unsubscribe = desk.subscribe((event) => this.#event(event));
    this.#beat = setInterval(() => void this.#send('beat', { at: this.now() }), BEAT_MS);
    this.#beat.unref();
  }

  get full(): boolean {
    return this.#readers.size >= MOST_READERS;
  }

  add(caller: Caller, response: ServerResponse): void {
    const reader = { caller, response };
    this.#readers.add(reader);
    response.on('close', () => {
      this.#readers.delete(reader);
      this.#tellWhoIsHere();
    });
    response.on('error', () => this.#drop(reader));
    this.#write(
      reader,
      `retry: 1000\nevent: hello\nid: ${this.#lastId}\ndata: ${JSON.stringify({ at: this.now() })}\n\n`,
    );
    this.#tellWhoIsHere();
  }

  close(): void {
    clearInterval(this.#beat);
    clearTimeout(this.#herePending);
    this.#unsubscribe();
    for (const reader of this.#readers) reader.response.end();
    this.#readers.clear();
  }

  /** Events wait while one is delivered; of several waiting states only the newest is sent. */
  #event(event: DeskEvent): void {
    if (event.type === 'status') this.#waiting = this.#waiting.filter((one) => one.type !== 'status');
    this.#waiting.push(event);
    if (!this.#delivering) void this.#deliver();
  }

  async #deliver(): Promise<void> {
    this.#delivering = true;
    for (let event = this.#waiting.shift(); event; event = this.#waiting.shift()) {
      this.#lastId = event.id;
      await this.#send(event.type, event, event.id);
    }
    this.#delivering = false;
  }

  /** Many may come back at once, after a restart: they are counted together. */
  #tellWhoIsHere(): void {
    this.#herePending ??= setTimeout(() => {
      this.#herePending = undefined;
      void this.#here();
    }, HERE_MS).unref();
  }

  /** Who has the console open: the war room's head count. */
  #here(): Promise<void> {
    const names = new Set([...this.#readers].map((reader) => this.desk.whoIs(reader.caller.identity).name));
    return this.#send('here', { names: [...names].sort() });
  }

  async #send(type: string, data: object, id?: number): Promise<void> {
    if (this.#readers.size === 0) return;
    const text = `event: ${type}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
    try {
      const live = await this.sessions.live();
      for (const reader of this.#readers) {
        if (this.#mayHear(reader, live)) this.#write(reader, text);
        else reader.response.end();
      }
    } catch (thrown) {
      // Who may hear cannot be told: nobody does, and all come back to ask.
      this.log.warn({ problem: reason(thrown) }, 'the stream could not check its readers');
      for (const reader of this.#readers) this.#drop(reader);
    }
  }

  #mayHear({ caller }: Reader, live: ReadonlySet<string>): boolean {
    const signedIn = caller.session ? live.has(caller.session.hash) : this.isKnown(caller);
    return signedIn && maySee(this.desk, caller.identity);
  }

  #write(reader: Reader, text: string): void {
    reader.response.write(text);
    if (reader.response.writableLength > MOST_WAITING_BYTES) this.#drop(reader);
  }

  #drop(reader: Reader): void {
    this.#readers.delete(reader);
    reader.response.destroy();
  }
}
