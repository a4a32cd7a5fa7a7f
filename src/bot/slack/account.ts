import type { WebClient } from '@slack/web-api';
import type { ReportHealth } from '../chat/contract.ts';
import { problemOf } from './problems.ts';
import { backoff, pause } from './wait.ts';

interface AccountOptions {
  readonly client: WebClient;
  readonly channel: string;
  readonly health: (part: string) => ReportHealth;
}

const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;
const CHANNEL_MEND = 'In Slack, in the launch channel: /invite @warroom';

/** Who we are over there, and whether the launch channel is ours to post in: asked until both are known. */
export class Account {
  #team: string | undefined;
  #name = 'warroom';
  #app: string | undefined;

  constructor(private readonly options: AccountOptions) {}

  get team(): string | undefined {
    return this.#team;
  }

  /** Whose deliveries are ours in HTTP mode; a socket names its app itself. */
  get appId(): string | undefined {
    return this.#app;
  }

  async learn(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; ) {
      if (await this.#ask()) return;
      failures += 1;
      await pause(backoff(failures, FIRST_RETRY_MS, LAST_RETRY_MS), signal);
    }
  }

  /** The signature proves the app; without this answer it goes by that alone. */
  async #appOf(bot: string): Promise<string | undefined> {
    try {
      return (await this.options.client.bots.info({ bot })).bot?.app_id;
    } catch {
      return undefined;
    }
  }

  async #ask(): Promise<boolean> {
    const { client, channel, health } = this.options;
    try {
      const { team_id, team, user, bot_id } = await client.auth.test();
      this.#team = team_id;
      this.#name = user ?? this.#name;
      if (bot_id !== undefined) this.#app ??= await this.#appOf(bot_id);
      health('api')('ok', `signed in to ${team ?? 'Slack'} as ${this.#name}`);
    } catch (thrown) {
      const { kind, message, mend } = problemOf(thrown, 'look');
      health('api')(kind === 'blocked' ? 'down' : 'degraded', message, mend);
      return false;
    }
    try {
      const { channel: found } = await client.conversations.info({ channel });
      if (found?.is_archived)
        health('channel')(
          'down',
          'the launch channel is archived',
          'In Slack: unarchive it, or set chat.slack.channel.',
        );
      else if (found?.is_member === false)
        health('channel')(
          'down',
          'the bot is not in the launch channel',
          CHANNEL_MEND.replace('warroom', this.#name),
        );
      else {
        health('channel')('ok', 'the bot is in the launch channel');
        return true;
      }
    } catch (thrown) {
      const { kind, message, mend } = problemOf(thrown, 'look');
      health('channel')(kind === 'blocked' ? 'down' : 'degraded', message, mend);
    }
    return false;
  }
}
