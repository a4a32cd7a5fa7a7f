import { type Logger, pino } from 'pino';
import { afterEach, expect } from 'vitest';
import type { ChatContext, ChatDesk, CommandShape, Form } from '../../../src/bot/chat/contract.ts';
import { discordPlatform } from '../../../src/bot/discord/index.ts';
import { TIMINGS, type Timings } from '../../../src/bot/discord/timings.ts';
import { Config, type Discord } from '../../../src/config/schema.ts';
import { Secret } from '../../../src/config/secret.ts';
import { paragraph, say } from '../../../src/message/build.ts';
import type { Message } from '../../../src/message/contract.ts';
import type { Post } from '../../../src/store/outbox.ts';
import { DiscordStandIn } from './stand-in/stand-in.ts';

const open: { stop(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.stop();
});

/** All waits short; the meaning stays. */
export const SHORT: Timings = {
  ...TIMINGS,
  ...{
    callMs: 2_000,
    connectMs: 3_000,
    lookMs: 20,
    awayMs: 1_500,
    beatMs: 1_000,
    firstRetryMs: 30,
    lastRetryMs: 200,
  },
  ...{
    stableMs: 5_000,
    tokenMs: 50,
    sessionsMs: 100,
    identifyEachMs: 20,
    identifiesAnHour: 50,
    disposeMs: 500,
  },
};

export const text = (words: string): Message => ({ blocks: [paragraph(say`${words}`)] });

export interface Reported {
  readonly state: string;
  readonly what: string;
  readonly mend?: string;
}

export const SHAPES: CommandShape[] = [
  { name: 'status', summary: 'How it is', arguments: [], flags: [] },
  {
    name: 'why',
    summary: 'Why it is so',
    arguments: [{ name: 'incident', about: 'its number', kind: 'word', required: false, completes: true }],
    flags: [],
  },
  {
    name: 'silence',
    summary: 'No new incidents',
    arguments: [
      { name: 'scope', about: 'what', kind: 'word', required: true, completes: true },
      { name: 'time', about: 'how long', kind: 'duration', required: true, completes: true },
      { name: 'reason', about: 'why', kind: 'text', required: true, completes: false },
    ],
    flags: [{ name: '--force', about: 'even so' }],
  },
];

/** A desk that writes down what it is asked. */
export class FakeDesk implements ChatDesk {
  readonly asked: string[] = [];
  shapes: readonly CommandShape[] = SHAPES;
  /** What an answer waits for. */
  gate: Promise<unknown> = Promise.resolve();
  answer: Message = text('done');
  opened: Form | Message = {
    id: 'silence:12',
    title: 'Silence #12',
    submit: 'Silence',
    fields: [
      {
        name: 'time',
        label: 'How long',
        kind: 'choice',
        required: true,
        choices: [{ value: '15m', label: '15 min' }],
      },
      {
        name: 'reason',
        label: 'Why',
        about: 'shown in status',
        kind: 'text',
        required: true,
        value: 'load test',
      },
    ],
  };
  problems: Readonly<Record<string, string>> = {};

  async launch(words: string, identity: { id: string; kind: string }): Promise<Message> {
    this.asked.push(`launch ${words} by ${identity.id} ${identity.kind}`);
    await this.gate;
    return this.answer;
  }
  complete(words: string): string[] {
    this.asked.push(`complete ${words}`);
    return ['12', '13', '--here'];
  }
  async press(button: { kind: string; id: string }, identity: { id: string }): Promise<Message> {
    this.asked.push(`press ${button.kind} ${button.id} by ${identity.id}`);
    await this.gate;
    return this.answer;
  }
  form(button: { kind: string; id: string } | 'launch'): Form | Message {
    this.asked.push(`form ${button === 'launch' ? button : `${button.kind} ${button.id}`}`);
    return this.opened;
  }
  formProblems(): Readonly<Record<string, string>> {
    return this.problems;
  }
  async submit(
    formId: string,
    values: Readonly<Record<string, string>>,
    identity: { id: string },
  ): Promise<Message> {
    this.asked.push(`submit ${formId} ${JSON.stringify(values)} by ${identity.id}`);
    return this.answer;
  }
  commands(): readonly CommandShape[] {
    return this.shapes;
  }
}

export interface Bench {
  readonly discord: DiscordStandIn;
  readonly desk: FakeDesk;
  readonly settings: Discord;
  readonly context: ChatContext;
  readonly health: Map<string, Reported>;
  readonly logged: string[];
  readonly platform: ReturnType<typeof discordPlatform>;
}

export interface BenchOptions {
  readonly timings?: Partial<Timings>;
  readonly config?: object;
  readonly now?: () => number;
  /** Where the token is read from; the environment of the test when left out. */
  readonly token?: Discord['token'];
  readonly prepare?: (discord: DiscordStandIn) => void;
}

/** A stand-in Discord, a desk that writes down, and the platform between them; not yet connected. */
export async function bench(options: BenchOptions = {}): Promise<Bench> {
  const discord = new DiscordStandIn();
  options.prepare?.(discord);
  await discord.start();
  open.push(discord);
  discord.world.addMember({ id: '42', username: 'ada' });
  const settings: Discord = {
    ...{ guild: discord.world.guild, channel: discord.world.channel, api: discord.api },
    token: options.token ?? { env: 'NOWHERE' },
  };
  const config = Config.parse({
    ...{ people: { ada: { discord: '42' }, ben: {} }, chat: { discord: settings } },
    ...options.config,
  });
  const health = new Map<string, Reported>();
  const logged: string[] = [];
  const desk = new FakeDesk();
  const context: ChatContext = {
    ...{ desk, config: () => config, log: logger(logged), now: options.now ?? Date.now },
    health: (part) => (state, what, mend) => {
      health.set(part, { state, what, ...(mend === undefined ? {} : { mend }) });
    },
  };
  const timings = { ...SHORT, ...options.timings };
  const platform = discordPlatform(settings, { token: new Secret(discord.token) }, context, timings);
  open.push(platform);
  return { discord, desk, settings, context, health, logged, platform };
}

export async function connected(options: BenchOptions = {}): Promise<Bench> {
  const made = await bench(options);
  await made.platform.start();
  await until(() => made.health.get('commands')?.state === 'ok' && made.discord.gateway.connected === 1);
  return made;
}

/** Waits for a condition; the test fails at the deadline. */
export async function until(holds: () => boolean, timeoutMs = 30_000): Promise<void> {
  await expect.poll(holds, { timeout: timeoutMs, interval: 5 }).toBe(true);
}

let posts = 0;
export function post(message: Message, more: Partial<Post> = {}): Post {
  posts += 1;
  return {
    ...{ id: `n${posts}`, incident: null, role: 'note', version: 1, at: Date.now(), editedAt: null },
    json: JSON.stringify(message),
    ...more,
  };
}

function logger(lines: string[]): Logger {
  return pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
}
