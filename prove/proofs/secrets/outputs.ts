import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { DiscordStandIn } from '../../../test/chat/discord/stand-in/stand-in.ts';
import type { SlackStandIn } from '../../../test/chat/slack/stand-in/index.ts';
import type { Leak, Plants } from './plants.ts';

/** Everything that somebody could read, by the kind of output. */
export class Outputs {
  readonly #texts = new Map<string, string[]>();

  /** `where` is `kind: which one`. */
  add(where: string, text: string): void {
    this.#texts.set(where, [...(this.#texts.get(where) ?? []), text]);
  }

  get bytes(): number {
    return [...this.#texts.values()].flat().reduce((sum, text) => sum + text.length, 0);
  }

  /** Whether some output of a kind shows it. */
  shows(kind: string, words: RegExp): boolean {
    return [...this.#texts].some(
      ([where, texts]) => where.startsWith(kind) && texts.some((text) => words.test(text)),
    );
  }

  leaks(plants: Plants): Leak[] {
    const found = [...this.#texts].flatMap(([where, texts]) =>
      texts.flatMap((text) => plants.leaks(where, text)),
    );
    return [...new Map(found.map((leak) => [`${leak.kind} ${leak.where}`, leak])).values()];
  }

  /** Kinds of output, each with whether what may be shown was found in it. */
  kinds(plants: Plants): ReadonlyMap<string, boolean> {
    const kinds = new Map<string, boolean>();
    for (const [where, texts] of this.#texts) {
      const kind = where.split(/[:,]/)[0] ?? where;
      kinds.set(kind, (kinds.get(kind) ?? false) || texts.some((text) => plants.holdsControl(text)));
    }
    return kinds;
  }
}

export function addSlack(outputs: Outputs, { world, calls }: SlackStandIn): void {
  const messages = [...world.channels.values()].flatMap((channel) => channel.messages);
  outputs.add('Slack posts', JSON.stringify(messages.map(({ edits: _, ...shown }) => shown)));
  outputs.add('Slack edits', JSON.stringify(messages.map(({ edits }) => edits)));
  outputs.add('Slack notification texts', JSON.stringify(messages.map(({ text }) => text)));
  outputs.add('Slack ephemeral answers', JSON.stringify(world.ephemerals));
  outputs.add('Slack modals', JSON.stringify(world.views));
  outputs.add('Slack files', JSON.stringify([...world.files.values()]));
  outputs.add('Slack calls', JSON.stringify(calls));
}

export function addDiscord(outputs: Outputs, { world, calls }: DiscordStandIn): void {
  const messages = [...world.messages.values()];
  const bodies = (ephemeral: boolean) =>
    messages
      .filter((one) => one.ephemeral === ephemeral)
      .map(({ history: _, files: _files, ...shown }) => shown);
  outputs.add('Discord posts', JSON.stringify(bodies(false)));
  outputs.add('Discord edits', JSON.stringify(messages.map(({ history }) => history)));
  outputs.add('Discord ephemeral answers', JSON.stringify(bodies(true)));
  outputs.add('Discord files', JSON.stringify(messages.flatMap(({ files }) => files)));
  outputs.add('Discord thread names', JSON.stringify([...world.channels.values()]));
  outputs.add('Discord commands', JSON.stringify([world.commands, calls]));
}

/** The store as it lies there: the bytes of each file beside it, and the rows of each table. */
export function addStore(outputs: Outputs, folder: string): void {
  for (const name of readdirSync(folder).filter((one) => !one.endsWith('.sock')))
    outputs.add(`store bytes: ${name}`, readFileSync(join(folder, name)).toString('latin1'));
  const db = new Database(join(folder, 'warroom.db'), { readonly: true, fileMustExist: true });
  try {
    const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all() as {
      name: string;
    }[];
    for (const { name } of tables)
      outputs.add(`store rows: ${name}`, JSON.stringify(db.prepare(`SELECT * FROM "${name}"`).all()));
  } finally {
    db.close();
  }
}

/** The event stream as a reader hears it, over restarts of the bot. */
export class Stream {
  text = '';
  #stopped = false;

  constructor(
    private readonly url: string,
    private readonly token: string,
  ) {
    void this.#read();
  }

  stop(): void {
    this.#stopped = true;
  }

  async #read(): Promise<void> {
    while (!this.#stopped) {
      try {
        const answer = await fetch(this.url, { headers: { Authorization: `Bearer ${this.token}` } });
        const decoder = new TextDecoder();
        for await (const chunk of answer.body ?? []) {
          this.text += decoder.decode(chunk as Uint8Array, { stream: true });
          if (this.#stopped) break;
        }
      } catch {
        // The bot is not there at the moment.
      }
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}
