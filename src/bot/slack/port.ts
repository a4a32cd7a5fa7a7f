import type { WebClient } from '@slack/web-api';
import type { Logger } from 'pino';
import type { Config } from '../../config/schema.ts';
import type { Message } from '../../message/contract.ts';
import type { Post } from '../../store/outbox.ts';
import type { ReportHealth } from '../chat/contract.ts';
import { DeliveryProblem, type PlatformPort } from '../platform.ts';
import { shareFile, type WholeFile } from './files.ts';
import { Mentions } from './mentions.ts';
import { type CallKind, problemOf, slackError } from './problems.ts';
import { type Rendered, renderSlack } from './render.ts';
import { within } from './wait.ts';

const EVENT_TYPE = 'warroom_post';
const REFUSED_CONTENT = new Set([
  'invalid_blocks',
  'invalid_blocks_format',
  'msg_too_long',
  'msg_blocks_too_long',
]);
const HISTORY_PAGES = 3;
const THREAD_PAGES = 5;
const FILE_AGAIN_MS = 5 * 60_000;
const FILES_IN_HAND = 10;
const STOP_MS = 3_000;

interface PortOptions {
  readonly client: WebClient;
  readonly channel: string;
  readonly config: () => Config;
  readonly health: (part: string) => ReportHealth;
  readonly log: Logger;
  readonly now: () => number;
}

/** A message as history gives it back, as far as it is read here. */
interface Found {
  readonly ts?: string;
  readonly metadata?: { readonly event_type?: string; readonly event_payload?: object };
}

/** The launch channel as the outbox sees it. A message's platform id is its `ts`. */
export class SlackPort implements PlatformPort {
  readonly platform = 'slack';
  readonly place: string;
  /** Slack: about one post a second and channel, with short bursts. */
  readonly pace = { burst: 4, everyMs: 1_050 };
  readonly #mentions: Mentions;
  readonly #stopping = new AbortController();
  readonly #files = new Set<Promise<void>>();
  readonly #filedAt = new Map<string, number>();

  constructor(private readonly options: PortOptions) {
    this.place = options.channel;
    this.#mentions = new Mentions({ ...options, health: options.health('mentions') });
  }

  async send(post: Post, outboxId: number, thread: string | undefined): Promise<string> {
    const card = await this.#card(post);
    const ts = await this.#call('post', (content) => this.#post(content, post, outboxId, thread), card);
    if (card.file) this.#share(card.file, ts, thread ?? ts);
    return ts;
  }

  async edit(platformId: string, post: Post, outboxId: number, thread: string | undefined): Promise<void> {
    const card = await this.#card(post);
    await this.#call(
      'edit',
      async ({ blocks, text }) => {
        await this.options.client.chat.update({
          channel: this.place,
          ts: platformId,
          text,
          blocks,
          parse: 'none',
          link_names: false,
          metadata: metadata(post, outboxId),
        });
      },
      card,
    );
    if (card.file) this.#share(card.file, platformId, thread ?? platformId);
  }

  async find(post: Post, outboxId: number, thread: string | undefined): Promise<string | undefined> {
    try {
      return await this.#find(post, outboxId, thread);
    } catch (thrown) {
      throw this.#reported(problemOf(thrown, 'look'));
    }
  }

  /** Adorns only: what goes wrong is said to health and holds nothing back. */
  async pin(platformId: string): Promise<void> {
    const health = this.options.health('pins');
    try {
      await this.options.client.pins.add({ channel: this.place, timestamp: platformId });
      health('ok', 'the status card is pinned');
    } catch (thrown) {
      if (slackError(thrown) === 'already_pinned') return health('ok', 'the status card is pinned');
      const { message, mend } = problemOf(thrown, 'edit');
      health('degraded', `the status card cannot be pinned: ${message}`, mend ?? 'Pin it by hand.');
    }
  }

  /** What is being uploaded gets a moment to arrive. */
  async stop(): Promise<void> {
    const uploads = Promise.allSettled([...this.#files]);
    await within(uploads, STOP_MS, () => undefined);
    this.#stopping.abort();
  }

  async #card(post: Post): Promise<Rendered> {
    const { timezone } = this.options.config().launch;
    const name = `${post.incident === null ? 'note' : `incident-${post.incident}`}-${post.id.replace(/[^A-Za-z0-9-]/g, '')}`;
    try {
      const message = JSON.parse(post.json) as Message;
      const mentions = await this.#mentions.resolve(message.mentions ?? []);
      return renderSlack(message, { timezone, mentions, name });
    } catch (thrown) {
      throw new DeliveryProblem('never', 'the message cannot be rendered', { cause: thrown });
    }
  }

  async #post(
    { blocks, text }: Content,
    post: Post,
    outboxId: number,
    thread: string | undefined,
  ): Promise<string> {
    const answer = await this.options.client.chat.postMessage({
      channel: this.place,
      text,
      blocks,
      // Nothing in it is to be read as markup, linked or unfolded.
      mrkdwn: false,
      parse: 'none',
      link_names: false,
      unfurl_links: false,
      unfurl_media: false,
      metadata: metadata(post, outboxId),
      ...(thread === undefined ? {} : { thread_ts: thread }),
    });
    if (answer.ts === undefined) throw new DeliveryProblem('ambiguous', 'Slack answered without a ts');
    return answer.ts;
  }

  /** Content that Slack refuses is tried once more as plain text before it is given up. */
  async #call<T>(kind: CallKind, call: (content: Content) => Promise<T>, card: Rendered): Promise<T> {
    try {
      const done = await call(card);
      this.#well();
      return done;
    } catch (thrown) {
      if (!REFUSED_CONTENT.has(slackError(thrown) ?? '')) throw this.#reported(problemOf(thrown, kind));
      this.options.log.error(
        {
          problem: slackError(thrown),
          blocks: card.blocks.length,
          characters: JSON.stringify(card.blocks).length,
        },
        'Slack refuses a card, so it is sent as plain text',
      );
    }
    try {
      const done = await call({ text: card.text, blocks: [] });
      this.#well();
      return done;
    } catch (thrown) {
      throw this.#reported(problemOf(thrown, kind));
    }
  }

  #well(): void {
    this.options.health('channel')('ok', 'posts arrive');
    this.options.health('api')('ok', 'Slack answers');
  }

  #reported(problem: DeliveryProblem): DeliveryProblem {
    if (problem.kind === 'blocked') this.options.health('channel')('down', problem.message, problem.mend);
    else if (problem.wide) this.options.health('api')('degraded', problem.message);
    return problem;
  }

  async #find(post: Post, outboxId: number, thread: string | undefined): Promise<string | undefined> {
    const { client } = this.options;
    const common = { channel: this.place, include_all_metadata: true };
    let cursor: string | undefined;
    for (let page = 0; page < (thread === undefined ? HISTORY_PAGES : THREAD_PAGES); page += 1) {
      const next = cursor === undefined ? {} : { cursor };
      const answer =
        thread === undefined
          ? await client.conversations.history({ ...common, ...next, limit: 100 })
          : await client.conversations.replies({ ...common, ...next, ts: thread, limit: 200 });
      const messages = (answer.messages ?? []) as readonly Found[];
      const found = messages.find((message) => isOurs(message, post, outboxId));
      if (found?.ts !== undefined) return found.ts;
      cursor = answer.response_metadata?.next_cursor || undefined;
      if (cursor === undefined) return undefined;
    }
    return undefined;
  }

  /** Beside the outbox: a card must not wait for its file. An edited card gets a new one now and then. */
  #share(file: WholeFile, ts: string, thread: string): void {
    const { client, now, log, health } = this.options;
    if (now() - (this.#filedAt.get(ts) ?? Number.NEGATIVE_INFINITY) < FILE_AGAIN_MS) return;
    if (this.#files.size >= FILES_IN_HAND) return;
    this.#filedAt.delete(ts);
    this.#filedAt.set(ts, now());
    for (const old of [...this.#filedAt.keys()].slice(0, -500)) this.#filedAt.delete(old);
    const upload = shareFile(client, { channel: this.place, thread }, file, this.#stopping.signal)
      .then(async (problem) => {
        if (problem === undefined) return health('files')('ok', 'files arrive');
        health('files')('degraded', `a file could not be shared: ${problem}`, FILE_MEND);
        const text = `The file with the whole of it could not be shared (${problem}). The console has it.`;
        await client.chat.postMessage({ channel: this.place, thread_ts: thread, text, mrkdwn: false });
      })
      .catch((thrown: unknown) =>
        log.warn({ err: problemOf(thrown, 'edit').message }, 'no file in the thread'),
      )
      .finally(() => this.#files.delete(upload));
    this.#files.add(upload);
  }
}

type Content = Pick<Rendered, 'blocks' | 'text'>;

const FILE_MEND =
  'The app needs the scope files:write: add it under "OAuth & Permissions" and press "Reinstall to Workspace".';

function metadata(post: Post, outboxId: number) {
  return {
    event_type: EVENT_TYPE,
    event_payload: { outbox: outboxId, post: post.id, version: post.version },
  };
}

/** The key of the outbox decides; the post's own id covers a row that was written anew. */
function isOurs(message: Found, post: Post, outboxId: number): boolean {
  if (message.metadata?.event_type !== EVENT_TYPE) return false;
  const payload = message.metadata.event_payload as Readonly<Record<string, unknown>> | undefined;
  return Number(payload?.['outbox']) === outboxId || payload?.['post'] === post.id;
}
