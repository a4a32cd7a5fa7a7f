import { createHash } from 'node:crypto';
import {
  type APIMessage,
  RESTJSONErrorCodes as Codes,
  type RESTPatchAPIChannelMessageJSONBody,
  type RESTPostAPIChannelMessageJSONBody,
  Routes,
} from 'discord.js';
import type { Discord } from '../../config/schema.ts';
import { reason } from '../../errors/catalogue.ts';
import type { Message } from '../../message/contract.ts';
import { cut, renderPlain } from '../../message/plain.ts';
import type { Post } from '../../store/outbox.ts';
import type { ChatContext } from '../chat/contract.ts';
import { DeliveryProblem, type PlatformPort } from '../platform.ts';
import { fenced } from './markdown.ts';
import { type Mends, mends } from './mends.ts';
import { Mentions, NOBODY } from './mentions.ts';
import { type Doing, problemOf } from './problems.ts';
import { headline, render, wholeFile } from './render.ts';
import { codeOf, type DiscordRest } from './rest.ts';
import { timeOf } from './snowflake.ts';

type Body = RESTPostAPIChannelMessageJSONBody & RESTPatchAPIChannelMessageJSONBody;
interface Payload {
  readonly body: Body;
  readonly file: { readonly name: string; readonly text: string } | undefined;
}

const SCANNED_PAGES = 3;
const PAGE = 100;
/** Clocks may differ by that much when old messages end the search. */
const CLOCKS_MS = 5 * 60_000;
const ARCHIVE_AFTER_MIN = 10_080;
const PLAIN_CHARACTERS = 1_900;
/** Discord takes 100. */
const THREAD_NAME = 90;

/** The outbox's way into the launch channel and its threads. A thread has the id of the head that it hangs on. */
export class DiscordPort implements PlatformPort {
  readonly platform = 'discord';
  readonly place: string;
  /** A channel takes 5 messages in 5 seconds. */
  readonly pace = { burst: 5, everyMs: 1_100 };
  readonly #mentions: Mentions;
  readonly #mends: Mends;
  #self: string | undefined;

  constructor(
    private readonly settings: Discord,
    private readonly rest: DiscordRest,
    private readonly context: ChatContext,
  ) {
    this.place = settings.channel;
    this.#mends = mends(settings);
    const { config, now } = context;
    this.#mentions = new Mentions(rest, settings.guild, config, context.health('mentions'), now);
  }

  send(post: Post, outboxId: number, thread: string | undefined): Promise<string> {
    return this.#guarded('post', async () => {
      const message = messageOf(post);
      const nonce = this.#nonce(post, outboxId);
      const once = { nonce, enforce_nonce: true };
      const posted = await this.#formed(message, this.#marker(post, outboxId), (payload) =>
        this.#into(thread, post, (channel) =>
          this.rest.post<APIMessage>(Routes.channelMessages(channel), {
            body: { ...payload.body, ...once },
            file: payload.file,
          }),
        ),
      );
      if (typeof posted?.id !== 'string')
        throw new DeliveryProblem('ambiguous', 'Discord answered without an id');
      if (post.role === 'head') await this.#openThread(posted.id, message);
      return posted.id;
    });
  }

  edit(platformId: string, post: Post, outboxId: number, thread: string | undefined): Promise<void> {
    return this.#guarded('change', async () => {
      const message = messageOf(post);
      await this.#formed(message, this.#marker(post, outboxId), (payload) =>
        this.#into(thread, post, (channel) =>
          this.rest.patch(Routes.channelMessage(channel, platformId), {
            // Without the list, files of the version before would stay.
            body: {
              ...payload.body,
              attachments: payload.file ? [{ id: '0', filename: payload.file.name }] : [],
            },
            file: payload.file,
          }),
        ),
      );
    });
  }

  find(post: Post, outboxId: number, thread: string | undefined): Promise<string | undefined> {
    return this.#guarded('change', async () => {
      const marker = this.#marker(post, outboxId);
      const nonce = this.#nonce(post, outboxId);
      const self = await this.#own();
      let before: string | undefined;
      for (let page = 0; page < SCANNED_PAGES; page += 1) {
        const list = await this.#page(thread ?? this.settings.channel, before);
        const found = list.find(
          (one) => one.author.id === self && (one.nonce === nonce || marked(one, marker)),
        );
        if (found) {
          if (post.role === 'head') await this.#openThread(found.id, messageOf(post));
          return found.id;
        }
        before = list.at(-1)?.id;
        if (list.length < PAGE || before === undefined || timeOf(before) < post.at - CLOCKS_MS)
          return undefined;
      }
      return undefined;
    });
  }

  /** Never in the way of a delivery: what stands in its way is said to health. */
  async pin(platformId: string): Promise<void> {
    const report = this.context.health('pin');
    try {
      await this.rest.put(Routes.channelMessagesPin(this.settings.channel, platformId));
      report('ok', 'the board is pinned');
    } catch (thrown) {
      const full = codeOf(thrown) === Codes.MaximumNumberOfPinsReachedForTheChannel;
      const mend = full
        ? `Unpin something in the channel ${this.settings.channel}, then pin the board by hand.`
        : `In the channel ${this.settings.channel}: Edit Channel, Permissions, the bot's role: Pin Messages. Or pin the board by hand.`;
      report('degraded', `the board could not be pinned: ${reason(thrown)}`, mend);
    }
  }

  async #guarded<T>(doing: Doing, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      throw problemOf(thrown, doing, this.#mends);
    }
  }

  /** The message as embeds; as plain text when Discord finds fault with that; then the fault is the message's. */
  async #formed<T>(message: Message, marker: string, call: (payload: Payload) => Promise<T>): Promise<T> {
    const mentioned = await this.#mentions.of(message);
    const timezone = this.context.config().launch.timezone;
    try {
      const { embeds, components, file } = render(message, { timezone, marker });
      const { content, allowed } = mentioned;
      const body: Body = {
        content,
        embeds: [...embeds],
        components: [...components],
        allowed_mentions: allowed,
      };
      return await call({ body, file });
    } catch (thrown) {
      if (codeOf(thrown) !== Codes.InvalidFormBodyOrContentType) throw thrown;
      this.context.log.error({ problem: reason(thrown) }, 'Discord refused a message; it goes as plain text');
      return await call(plain(message, marker, timezone));
    }
  }

  /** A call into a thread that may be archived, or may not have been opened when the process ended. */
  async #into<T>(thread: string | undefined, post: Post, call: (channel: string) => Promise<T>): Promise<T> {
    if (thread === undefined) return call(this.settings.channel);
    try {
      return await call(thread);
    } catch (thrown) {
      const code = codeOf(thrown);
      if (code === Codes.UnknownChannel) await this.#startThread(thread, `Incident #${post.incident}`);
      else if (code === Codes.InvalidActionOnArchivedThread || code === Codes.ThreadLocked)
        await this.#unarchive(thread);
      else throw thrown;
      return await call(thread);
    }
  }

  /** Beside the head, which stands already: a reply opens it when this fails. */
  async #openThread(head: string, message: Message): Promise<void> {
    try {
      await this.#startThread(head, headline(message, this.context.config().launch.timezone));
    } catch (thrown) {
      this.context.log.warn({ problem: reason(thrown), head }, 'Discord: the thread could not be opened yet');
    }
  }

  async #startThread(head: string, name: string): Promise<void> {
    const body = {
      name: cut(name || 'Incident', THREAD_NAME),
      auto_archive_duration: ARCHIVE_AFTER_MIN,
    };
    try {
      await this.rest.post(Routes.threads(this.settings.channel, head), { body });
    } catch (thrown) {
      if (codeOf(thrown) !== Codes.ThreadAlreadyCreatedForMessage) throw thrown;
    }
  }

  async #unarchive(thread: string): Promise<void> {
    try {
      await this.rest.patch(Routes.channel(thread), { body: { archived: false } });
    } catch (thrown) {
      if (codeOf(thrown) !== Codes.MissingPermissions) throw thrown;
      throw new DeliveryProblem('never', 'the thread is locked, so nothing more is said in it', {
        mend: 'Unlock the thread on Discord.',
        cause: thrown,
      });
    }
  }

  async #page(channel: string, before: string | undefined): Promise<APIMessage[]> {
    try {
      const query = { limit: String(PAGE), ...(before === undefined ? {} : { before }) };
      return await this.rest.get<APIMessage[]>(Routes.channelMessages(channel), { query });
    } catch (thrown) {
      // A thread that was never opened holds nothing.
      if (codeOf(thrown) === Codes.UnknownChannel && channel !== this.settings.channel) return [];
      throw thrown;
    }
  }

  async #own(): Promise<string> {
    this.#self ??= (await this.rest.get<{ id: string }>(Routes.user())).id;
    return this.#self;
  }

  /** 25 characters, the same for every try of this row. The post's own time keeps the rows of two stores apart. */
  #nonce(post: Post, outboxId: number): string {
    const key = `${this.settings.channel} ${outboxId} ${post.id} ${post.at}`;
    return createHash('sha256').update(key).digest('hex').slice(0, 25);
  }

  /** `w·123·a1b2c3`: the outbox's row, and the start of its nonce. */
  #marker(post: Post, outboxId: number): string {
    return `w·${outboxId}·${this.#nonce(post, outboxId).slice(0, 6)}`;
  }
}

function plain(message: Message, marker: string, timezone: string): Payload {
  const text = renderPlain(message, { timezone, width: 200, lines: 60 });
  const { text: content } = fenced(text.split('\n'), '', PLAIN_CHARACTERS);
  const body: Body = {
    content: `${content}\n-# ${marker}`,
    embeds: [],
    components: [],
    allowed_mentions: NOBODY,
  };
  return { body, file: wholeFile(message, timezone) };
}

function messageOf(post: Post): Message {
  return JSON.parse(post.json) as Message;
}

function marked(message: APIMessage, marker: string): boolean {
  return (
    message.embeds.some((embed) => embed.footer?.text === marker) || message.content.endsWith(`-# ${marker}`)
  );
}
