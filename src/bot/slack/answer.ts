import type { WebClient } from '@slack/web-api';
import type { Logger } from 'pino';
import type { Config } from '../../config/schema.ts';
import { own, paragraph, say } from '../../message/build.ts';
import type { Message } from '../../message/contract.ts';
import type { ReportHealth } from '../chat/contract.ts';
import { shareFile, type WholeFile } from './files.ts';
import { problemOf, slackError } from './problems.ts';
import { type Rendered, renderSlack } from './render.ts';
import { backoff, pause, within } from './wait.ts';

/** Where a person asked, and where the answer goes: seen by this person alone. */
export interface Place {
  readonly user: string;
  readonly channel: string | undefined;
  readonly thread?: string | undefined;
  /** Good for half an hour, also where the bot is not a member. */
  readonly responseUrl?: string | undefined;
}

interface AnswerOptions {
  readonly client: WebClient;
  readonly api: string;
  readonly config: () => Config;
  readonly health: ReportHealth;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

const TRIES = 3;
const RESPONSE_MS = 5_000;
const STILL_LOOKING_MS = 2_500;
const ELSEWHERE = new Set([
  'not_in_channel',
  'channel_not_found',
  'user_not_in_channel',
  'is_archived',
  'missing_scope',
  'restricted_action',
]);

export class Answers {
  constructor(private readonly options: AnswerOptions) {}

  /** The answer of `work`; after 2.5 s a word that it is still being looked for. */
  async when(place: Place, work: Promise<Message>): Promise<void> {
    const soon = await within(work, STILL_LOOKING_MS, () => undefined);
    if (soon) return this.give(place, soon);
    await Promise.all([
      this.give(place, one('Still looking; the answer follows here.')),
      work.then(
        () => undefined,
        () => undefined,
      ),
    ]);
    await this.give(place, await work);
  }

  /** Tries the channel, then the address that came with the question, then a direct message. */
  async give(place: Place, message: Message): Promise<void> {
    const { timezone } = this.options.config().launch;
    const card = renderSlack(message, { timezone, name: 'warroom-answer' });
    const arrived =
      (await this.#ephemeral(place, card)) ||
      (await this.#byAddress(place, card)) ||
      (await this.#direct(place, card));
    if (!arrived) {
      this.options.health(
        'degraded',
        'an answer could not be given in Slack',
        'The console answers the same commands.',
      );
      this.options.log.warn('an answer could not be given');
      return;
    }
    this.options.health('ok', 'answers arrive');
    if (card.file) await this.#whole(place, card.file);
  }

  async #ephemeral({ user, channel, thread }: Place, card: Rendered): Promise<boolean> {
    if (channel === undefined) return false;
    let blocks = card.blocks;
    for (let attempt = 1; attempt <= TRIES; attempt += 1) {
      try {
        const at = thread === undefined ? {} : { thread_ts: thread };
        const shown = { text: card.text, blocks, parse: 'none' as const, link_names: false };
        await this.options.client.chat.postEphemeral({ channel, user, ...shown, ...at });
        return true;
      } catch (thrown) {
        const code = slackError(thrown) ?? '';
        if (ELSEWHERE.has(code)) return false;
        const problem = problemOf(thrown, 'post');
        if (problem.kind === 'never') blocks = [];
        else if (problem.kind === 'blocked') return false;
        else
          await pause(Math.min(10_000, problem.afterMs ?? backoff(attempt, 300, 3_000)), this.options.signal);
      }
    }
    return false;
  }

  async #byAddress({ responseUrl, thread }: Place, card: Rendered): Promise<boolean> {
    if (responseUrl === undefined || !isSlacks(responseUrl, this.options.api)) return false;
    const body = {
      response_type: 'ephemeral',
      replace_original: false,
      text: card.text,
      blocks: card.blocks,
      ...(thread === undefined ? {} : { thread_ts: thread }),
    };
    try {
      const answer = await fetch(responseUrl, {
        method: 'POST',
        headers: { 'content-type': 'application/json; charset=utf-8' },
        body: JSON.stringify(body),
        redirect: 'error',
        signal: AbortSignal.timeout(RESPONSE_MS),
      });
      await answer.arrayBuffer();
      return answer.ok;
    } catch {
      return false;
    }
  }

  async #direct({ user }: Place, card: Rendered): Promise<boolean> {
    try {
      await this.options.client.chat.postMessage({
        channel: user,
        text: card.text,
        blocks: card.blocks,
        ...LITERAL,
      });
      return true;
    } catch {
      return false;
    }
  }

  /** The whole of what was cut, where only the asker sees it. */
  async #whole(place: Place, file: WholeFile): Promise<void> {
    const problem = await this.#sendWhole(place.user, file);
    if (problem === undefined) return;
    const note = renderSlack(
      {
        blocks: [
          paragraph(say`The file with the whole of it could not be sent (${problem}). The console has it.`),
        ],
      },
      { timezone: 'UTC' },
    );
    if (!(await this.#ephemeral(place, note))) await this.#byAddress(place, note);
  }

  async #sendWhole(user: string, file: WholeFile): Promise<string | undefined> {
    const { client, signal } = this.options;
    try {
      const text = 'The whole of the answer that was cut in the channel:';
      const { channel } = await client.chat.postMessage({ channel: user, text, ...LITERAL });
      if (channel === undefined) return 'Slack opened no direct message';
      return await shareFile(client, { channel }, file, signal);
    } catch (thrown) {
      return problemOf(thrown, 'post').message;
    }
  }
}

const LITERAL = {
  mrkdwn: false,
  parse: 'none',
  link_names: false,
  unfurl_links: false,
  unfurl_media: false,
} as const;

export function one(words: string): Message {
  return { blocks: [paragraph([own(words)])] };
}

/** A payload may name any address; answers go to Slack's own alone, or to the host that stands in for it. */
export function isSlacks(url: string, api: string): boolean {
  try {
    const { protocol, hostname } = new URL(url);
    if (protocol === 'https:' && (hostname === 'slack.com' || hostname.endsWith('.slack.com'))) return true;
    return hostname === new URL(api).hostname;
  } catch {
    return false;
  }
}
