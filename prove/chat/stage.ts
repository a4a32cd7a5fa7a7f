import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';

/** A message as a person sees it on a platform. */
export interface Card {
  readonly id: string;
  readonly text: string;
  /** Labels. */
  readonly buttons: readonly string[];
  readonly edits: number;
  readonly pinned: boolean;
}

/** One message of the bot, as the platform keeps it. */
export interface Kept {
  readonly id: string;
  readonly thread: string | undefined;
  /** UTC ms when it was posted. */
  readonly at: number;
  /** Outbox rows that wrote it, the first one posted it. */
  readonly rows: readonly number[];
}

/** A command or press that was sent, and what came of it. */
export interface Sent {
  /** Milliseconds to the acknowledgement; undefined when there was none. */
  readonly acknowledgedMs: Promise<number | undefined>;
}

export const PEOPLE = ['ada', 'ben', 'otto', 'eve'] as const;
export type Who = (typeof PEOPLE)[number];

/** A stand-in platform on which a proof plays the people. The bot meets it with its real client library. */
export interface ChatStage {
  readonly platform: 'slack' | 'discord';
  /** Its part of `chat:` in the config. */
  readonly settings: object;
  /** Tokens that the config asks the environment for. */
  readonly env: Readonly<Record<string, string>>;
  readonly ids: Readonly<Record<Who, string>>;
  /** Whether the bot is connected and takes commands. */
  connected(): boolean;
  /** What stands in the launch channel, oldest first. */
  cards(): Card[];
  /** What stands in the thread of a card. */
  replies(card: Card): Card[];
  /** Presses a button of a card as it is now; gives what the presser alone is told. */
  press(who: Who, card: Card, label: string): Promise<string>;
  /** `/launch text`; gives what the asker alone is told. */
  command(who: Who, text: string): Promise<string>;
  /** Everything of the bot that stands in the launch channel and its threads, oldest first. */
  kept(): Kept[];
  /** Types without waiting for the answer; `times` delivers the same event so often. */
  type(who: Who, text: string, times?: number): Sent;
  /** All private answers so far. */
  answers(): string[];
  /** The next call goes wrong: by a rate limit, an outage, a lost request, a lost answer, a late one. */
  spoil(what: Spoil): void;
  /** Calls `hit` once, at that moment of a call that posts, edits or searches; so many of them pass before. */
  strike(moment: Moment, hit: () => void, passing?: number): void;
  stop(): Promise<void>;
}

/**
 * asked: the platform has a new message and has done nothing. done: it shows it, and has not answered. answered: the
 * answer to a message or an edit is on its way. searched: the bot looks for what an earlier try may have posted; nothing is answered.
 */
export type Moment = 'asked' | 'done' | 'answered' | 'searched';

export type Spoil = 'rate limit' | 'outage' | 'lost before' | 'lost after' | 'late';
export const SPOILS: readonly Spoil[] = ['rate limit', 'outage', 'lost before', 'lost after', 'late'];

/** A copy of the lab's config with the platform in it. Load is the machine's, and here that is the proof's own doing. */
export function withChat(root: string, stages: readonly ChatStage[], more: object = {}): string {
  const config = parse(readFileSync(join(root, 'warroom.yaml'), 'utf8')) as {
    people: Record<string, Record<string, unknown>>;
    checks?: object;
  };
  const checks = { ...config.checks, 'host.load': 'off' };
  for (const [name, person] of Object.entries(config.people))
    for (const stage of stages) {
      const id = (stage.ids as Readonly<Record<string, string>>)[name];
      if (id !== undefined) person[stage.platform] = id;
    }
  const chat = Object.fromEntries(stages.map((stage) => [stage.platform, stage.settings]));
  const file = join(root, 'warroom-chat.yaml');
  writeFileSync(file, stringify({ ...config, checks, chat, ...more }, { lineWidth: 0 }));
  return file;
}
