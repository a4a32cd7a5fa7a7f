import { setTimeout as sleep } from 'node:timers/promises';
import {
  type APIInteraction,
  type APIInteractionResponse,
  RESTJSONErrorCodes as Codes,
  InteractionResponseType as Kind,
  MessageFlags,
  RateLimitError,
  Routes,
} from 'discord.js';
import type { Logger } from 'pino';
import { reason } from '../../errors/catalogue.ts';
import type { Message } from '../../message/contract.ts';
import { renderPlain } from '../../message/plain.ts';
import { fenced } from './markdown.ts';
import { NOBODY } from './mentions.ts';
import { type Rendered, render, wholeFile } from './render.ts';
import { codeOf, type DiscordRest, statusOf } from './rest.ts';

const FIRST_MS = 2_500;
const TRIES = 4;
const BACKOFF_MS = 250;
const LONGEST_WAIT_MS = 5_000;

/** What goes back to the person who pressed or typed, for that person alone. */
export class Answers {
  constructor(
    private readonly rest: DiscordRest,
    private readonly timezone: () => string,
    private readonly log: Logger,
  ) {}

  /** "Thinking", within the 3 s that Discord gives. False: it is too late, or somebody else answers it. */
  defer(interaction: APIInteraction): Promise<boolean> {
    return this.#first(interaction, {
      type: Kind.DeferredChannelMessageWithSource,
      data: { flags: MessageFlags.Ephemeral },
    });
  }

  /** The first and only answer; for short ones that need no time. */
  reply(interaction: APIInteraction, message: Message, more?: Rendered['components']): Promise<boolean> {
    const { embeds, components } = render(message, { timezone: this.timezone() });
    const data = { embeds: [...embeds], components: [...components, ...(more ?? [])].slice(0, 5) };
    return this.#first(interaction, {
      type: Kind.ChannelMessageWithSource,
      data: { ...data, flags: MessageFlags.Ephemeral, allowed_mentions: NOBODY },
    });
  }

  /** A modal, or completions: answers that cannot follow a deferral. */
  show(interaction: APIInteraction, response: APIInteractionResponse): Promise<boolean> {
    return this.#first(interaction, response);
  }

  /** The answer after a deferral; may be given again, the newest counts. */
  async tell(interaction: APIInteraction, message: Message): Promise<void> {
    const { embeds, components, file } = render(message, { timezone: this.timezone() });
    const body = { embeds, components, allowed_mentions: NOBODY };
    try {
      await this.#edit(interaction, { ...body, attachments: attached(file) }, file);
    } catch (thrown) {
      if (codeOf(thrown) === Codes.InvalidFormBodyOrContentType) await this.#plainly(interaction, message);
      else this.log.warn({ problem: reason(thrown) }, 'Discord: an answer could not be given');
    }
  }

  async #plainly(interaction: APIInteraction, message: Message): Promise<void> {
    const text = renderPlain(message, { timezone: this.timezone(), width: 200, lines: 60 });
    const file = wholeFile(message, this.timezone());
    const { text: content } = fenced(text.split('\n'), '', 1_900);
    const body = {
      content,
      embeds: [],
      components: [],
      allowed_mentions: NOBODY,
      attachments: attached(file),
    };
    await this.#edit(interaction, body, file).catch((thrown: unknown) =>
      this.log.error({ problem: reason(thrown) }, 'Discord refused an answer, also as plain text'),
    );
  }

  async #edit(interaction: APIInteraction, body: object, file: Rendered['file']): Promise<void> {
    const route = Routes.webhookMessage(interaction.application_id, interaction.token, '@original');
    for (let tried = 1; ; tried += 1) {
      try {
        await this.rest.patch(route, { body, file, open: true });
        return;
      } catch (thrown) {
        const wait = waitBefore(thrown, tried);
        if (wait === undefined || tried >= TRIES) throw thrown;
        await sleep(wait);
      }
    }
  }

  /**
   * The acknowledgement. It is tried twice, since a torn connection leaves open whether it arrived: when it had, the
   * second try is told so, and the work is ours all the same.
   */
  async #first(interaction: APIInteraction, body: APIInteractionResponse): Promise<boolean> {
    const route = Routes.interactionCallback(interaction.id, interaction.token);
    let unsure = false;
    for (let tried = 1; ; tried += 1) {
      try {
        await this.rest.post(route, {
          body,
          open: true,
          timeoutMs: FIRST_MS,
          query: { with_response: 'false' },
        });
        return true;
      } catch (thrown) {
        if (codeOf(thrown) === Codes.InteractionHasAlreadyBeenAcknowledged && unsure) return true;
        const wait = waitBefore(thrown, 0);
        if (wait === undefined || wait > 1_000 || tried >= 2) {
          this.log.warn(
            { problem: reason(thrown), interaction: interaction.id },
            'Discord: not acknowledged, so not done',
          );
          return false;
        }
        unsure ||= !(thrown instanceof RateLimitError);
        await sleep(wait);
      }
    }
  }
}

/** How long until it is worth another try; undefined when it is not. */
function waitBefore(thrown: unknown, tried: number): number | undefined {
  if (thrown instanceof RateLimitError)
    return thrown.retryAfter <= LONGEST_WAIT_MS ? Math.max(50, thrown.retryAfter) : undefined;
  const status = statusOf(thrown);
  if (status !== undefined && status < 500) return undefined;
  return tried === 0 ? 0 : BACKOFF_MS * 2 ** tried * (0.5 + Math.random() / 2);
}

function attached(file: Rendered['file']): object[] {
  return file ? [{ id: '0', filename: file.name }] : [];
}
