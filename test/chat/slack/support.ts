import { pino } from 'pino';
import type { ChatContext, ChatDesk, Form, FormValues, Pressed } from '../../../src/bot/chat/contract.ts';
import { type SlackTimes, slackPlatform } from '../../../src/bot/slack/index.ts';
import { Config, type Slack } from '../../../src/config/schema.ts';
import { Secret } from '../../../src/config/secret.ts';
import { own, paragraph } from '../../../src/message/build.ts';
import type { Message } from '../../../src/message/contract.ts';
import type { Identity } from '../../../src/people/person.ts';
import type { Post } from '../../../src/store/outbox.ts';
import { LAUNCH, SlackStandIn } from './stand-in/index.ts';

/** Looks again and again until it is so; says what it waited for when it never is. */
export async function until<T>(
  what: string,
  look: () => T | undefined | false,
  timeoutMs = 30_000,
): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const found = look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export const words = (text: string): Message => ({ blocks: [paragraph([own(text)])] });

/** A desk that remembers what it was asked, and answers what a test wants. */
export class FakeDesk implements ChatDesk {
  readonly asked: { readonly what: string; readonly identity: Identity }[] = [];
  answer: (what: string) => Promise<Message> = async (what) => words(`answer to ${what}`);
  shows: Form | Message = {
    id: 'launch',
    title: 'What do you want to see or do?',
    submit: 'Run',
    fields: [
      {
        ...{ name: 'command', label: 'Command', kind: 'choice', required: true },
        choices: [
          { value: 'status', label: 'status: how it is' },
          { value: 'why', label: 'why: the cause' },
        ],
      },
      { name: 'words', label: 'Words after it', kind: 'text', required: false },
    ],
  };
  problems: Readonly<Record<string, string>> = {};

  launch(text: string, identity: Identity): Promise<Message> {
    return this.#take(`launch ${text}`, identity);
  }
  complete(): string[] {
    return [];
  }
  press({ kind, id }: Pressed, identity: Identity): Promise<Message> {
    return this.#take(`press ${kind} ${id}`, identity);
  }
  form(button: Pressed | 'launch', identity: Identity): Form | Message {
    this.asked.push({
      what: `form ${button === 'launch' ? button : `${button.kind} ${button.id}`}`,
      identity,
    });
    return this.shows;
  }
  formProblems(): Readonly<Record<string, string>> {
    return this.problems;
  }
  submit(formId: string, values: FormValues, identity: Identity): Promise<Message> {
    return this.#take(`submit ${formId} ${JSON.stringify(values)}`, identity);
  }
  commands(): [] {
    return [];
  }
  #take(what: string, identity: Identity): Promise<Message> {
    this.asked.push({ what, identity });
    return this.answer(what);
  }
}

export interface Reported {
  readonly state: string;
  readonly what: string;
  readonly mend?: string | undefined;
}

export function chatContext(desk: ChatDesk, people: Config['people'] = {}) {
  const health = new Map<string, Reported>();
  const lines: string[] = [];
  const config = Config.parse({ launch: { timezone: 'UTC' }, people });
  const context: ChatContext = {
    desk,
    config: () => config,
    log: pino({ level: 'trace' }, { write: (line) => void lines.push(line) }),
    health: (part) => (state, what, mend) => void health.set(part, { state, what, mend }),
    now: Date.now,
  };
  return { context, health, lines };
}

export const QUICK: SlackTimes = { pingMs: 900, startMs: 1_500, downMs: 300, recountMs: 200 };

/** A stand-in with Warroom's Slack face on it. `mode: 'http'` listens on a free port. */
export async function warroomOnSlack(
  more: {
    readonly people?: Config['people'];
    readonly mode?: 'socket' | 'http';
    readonly times?: SlackTimes;
    readonly start?: boolean;
    readonly prepare?: (slack: SlackStandIn) => void;
  } = {},
) {
  const slack = await new SlackStandIn().start();
  more.prepare?.(slack);
  const desk = new FakeDesk();
  const { context, health, lines } = chatContext(desk, more.people);
  const settings: Slack = {
    channel: LAUNCH,
    botToken: { env: 'UNUSED' },
    mode: more.mode ?? 'socket',
    listen: '127.0.0.1:0',
    api: slack.api,
  };
  const platform = slackPlatform(
    settings,
    {
      botToken: new Secret(slack.world.botToken),
      appToken: new Secret(slack.world.appToken),
      signingSecret: new Secret(SIGNING),
    },
    context,
    more.times ?? QUICK,
  );
  if (more.start !== false) {
    await platform.start();
    if (settings.mode === 'http')
      slack.people.http = {
        url: `http://127.0.0.1:${platform.listensOn()}/slack/events`,
        signingSecret: SIGNING,
      };
    else if (!more.prepare) await until('two sockets', () => slack.link.greeted === 2);
  }
  return {
    ...{ slack, desk, health, lines, platform, port: platform.port, settings },
    async stop() {
      await platform.stop();
      await slack.stop();
    },
  };
}

export const SIGNING = 'stand-in-signing-secret';

export function postOf(message: Message, more: Partial<Post> = {}): Post {
  const at = Date.now();
  return {
    ...{ id: 'i12', incident: 12, role: 'head', version: 1, at, editedAt: null },
    json: JSON.stringify(message),
    ...more,
  };
}
