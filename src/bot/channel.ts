import type { Logger } from 'pino';
import type { Config } from '../config/schema.ts';
import type { Guard } from '../remediations/guard.ts';
import { unseenPosts } from '../store/delivered.ts';
import { queueAgain } from '../store/outbox.ts';
import type { Store } from '../store/store.ts';
import { BOARD_ID } from './deliver.ts';
import type { WarroomDesk } from './desk/desk.ts';
import type { PlatformPort } from './platform.ts';
import type { Threads } from './threads.ts';
import { AWAY_MS, awayMessage } from './views/away.ts';
import { boardMessage } from './views/board.ts';
import { type Approving, helloMessage } from './views/hello.ts';

export interface ChannelOptions {
  readonly store: Store;
  readonly threads: Threads;
  readonly desk: WarroomDesk;
  readonly guard: Guard;
  readonly config: () => Config;
  readonly ports: () => readonly PlatformPort[];
  /** When the bot before this one was last alive. */
  readonly lastAlive: number | null;
  readonly started: number;
  /** New rows wait in the outbox. */
  readonly wake: () => void;
  readonly log: Logger;
  readonly now: () => number;
}

const HELLO_ID = 'hello';
const SET_UP_ID = 'set-up';

/** What the launch channel gets beside its threads: one hello, one board, and a word after an absence. */
export class Channel {
  #opened = false;
  #boardWriting = false;
  /** The states of open incidents as the bot before left them. */
  readonly #before = new Map<string, string>();

  constructor(private readonly options: ChannelOptions) {}

  /** Before anything new is judged. */
  remember(): void {
    for (const incident of this.options.desk.incidents('open')) this.#before.set(incident.id, incident.state);
  }

  /** Once, when the first figures are there: the hello on first contact, what a platform never got, the absence. */
  async open(): Promise<void> {
    const { store, threads, desk, ports, lastAlive, started, now } = this.options;
    const strangers = await this.#strangers();
    if (strangers || !threads.notes().some((note) => note.id === HELLO_ID))
      await threads.note(HELLO_ID, helloMessage(desk.status(), this.options.config(), this.#approving()));
    await threads.note(BOARD_ID, boardMessage(desk.status()));
    if (lastAlive !== null && started - lastAlive > AWAY_MS)
      await threads.note(
        `away-${started}`,
        awayMessage({ from: lastAlive, to: started }, this.#before, desk.incidents()),
      );
    const incidents = desk.incidents('open').map((incident) => Number(incident.id));
    for (const port of ports()) {
      const of = { incidents, notes: [HELLO_ID, BOARD_ID, SET_UP_ID] };
      for (const post of await unseenPosts(store.db, port.platform, of))
        await queueAgain(store.db, port.platform, post.id, now());
    }
    this.options.wake();
    this.#opened = true;
  }

  /** The board, edited in place where it changed. */
  tick(): void {
    const { threads, desk, log } = this.options;
    if (!this.#opened || this.#boardWriting) return;
    this.#boardWriting = true;
    threads
      .note(BOARD_ID, boardMessage(desk.status()))
      .catch((thrown: unknown) => log.warn({ err: thrown }, 'the board could not be stored'))
      .finally(() => {
        this.#boardWriting = false;
      });
  }

  /** A platform whose channel never got a hello. */
  async #strangers(): Promise<boolean> {
    const { store, ports } = this.options;
    const greeted = await store.db
      .selectFrom('delivered')
      .select('platform')
      .where('post', '=', HELLO_ID)
      .execute();
    return ports().some((port) => !greeted.some((row) => row.platform === port.platform));
  }

  #approving(): Approving {
    const remediations = this.options.guard.remediations();
    return {
      remediations,
      blocked: remediations.flatMap(({ id }) => {
        const [first] = this.options.guard.whyNot(id);
        return first ? [{ id, why: first.refused }] : [];
      }),
    };
  }
}
