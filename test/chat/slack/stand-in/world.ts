import { BOT_SCOPES } from '../../../../src/bot/slack/scopes.ts';

/** What a workspace holds. Plain data: a test reads it, and breaks it, as it likes. */
export interface ShownMessage {
  readonly ts: string;
  readonly user: string;
  readonly bot_id?: string;
  text: string;
  blocks: readonly BlockJson[];
  metadata?: { readonly event_type: string; readonly event_payload: Record<string, unknown> };
  thread_ts?: string;
  files?: { readonly id: string; readonly name: string }[];
  /** Earlier states, oldest first. */
  readonly edits: { readonly at: number; readonly text: string; readonly blocks: readonly BlockJson[] }[];
  /** Every outbox id that it was ever written with. */
  readonly outboxIds: number[];
  /** Whether its text was sent with markup switched off. */
  readonly literal: boolean;
}

export type BlockJson = { readonly type: string; readonly [field: string]: unknown };

export interface Ephemeral {
  readonly channel: string;
  readonly user: string;
  readonly text: string;
  readonly blocks: readonly BlockJson[];
  readonly thread_ts?: string;
  readonly by: 'chat.postEphemeral' | 'response_url';
  readonly at: number;
}

export interface Channel {
  readonly id: string;
  readonly name: string;
  archived: boolean;
  readonly members: Set<string>;
  /** Newest last. */
  readonly messages: ShownMessage[];
  readonly pins: string[];
  /** A direct message with this person. */
  readonly direct?: string;
}

export interface User {
  readonly id: string;
  readonly name: string;
  readonly team_id: string;
  is_bot?: boolean;
  is_restricted?: boolean;
  is_ultra_restricted?: boolean;
  is_stranger?: boolean;
  deleted?: boolean;
}

export interface StoredFile {
  readonly id: string;
  readonly name: string;
  content: string;
  shares: { readonly channel: string; readonly thread?: string }[];
}

export interface OpenedView {
  readonly id: string;
  readonly user: string;
  view: Record<string, unknown>;
}

export const LAUNCH = 'C0LAUNCH';
export const OTHER = 'C0OTHER';

export class World {
  readonly team = 'T0TEAM';
  readonly appId = 'A0WARROOM';
  readonly bot = { user: 'U0WARROOM', id: 'B0WARROOM' };
  botToken = 'xoxb-1111-2222-stand-in-bot';
  appToken = 'xapp-1-A0WARROOM-3333-stand-in-app';
  /** `token_revoked` and the like, for a token that is refused. */
  botTokenProblem: string | undefined;
  appTokenProblem: string | undefined;
  readonly scopes = new Set<string>(BOT_SCOPES.map(([scope]) => scope));
  readonly users = new Map<string, User>();
  readonly channels = new Map<string, Channel>();
  readonly usergroups: { readonly id: string; readonly handle: string }[] = [
    { id: 'S0ONCALL', handle: 'oncall' },
  ];
  readonly ephemerals: Ephemeral[] = [];
  readonly files = new Map<string, StoredFile>();
  readonly views: OpenedView[] = [];
  /** Slack takes a file and never shows it. */
  sharesFiles = true;
  #lastTs = 0;
  #nextId = 1;

  constructor() {
    const add = (id: string, name: string, more: Partial<User> = {}) =>
      this.users.set(id, { id, name, team_id: this.team, ...more });
    add('U0ADA', 'ada');
    add('U0BEN', 'ben');
    add('U0CARL', 'carl');
    add('U0GUEST', 'guest', { is_restricted: true });
    add('U0SINGLE', 'single', { is_ultra_restricted: true });
    add('U0GONE', 'gone', { deleted: true });
    add('U0ROBOT', 'robot', { is_bot: true });
    add('U0STRANGE', 'strange', { team_id: 'T0ELSE', is_stranger: true });
    add('U0FOREIGN', 'foreign', { team_id: 'T0ELSE' });
    add(this.bot.user, 'warroom', { is_bot: true });
    const everybody = [...this.users.keys()];
    // Carl is not in the launch channel, the bot is in no other.
    this.channel(
      LAUNCH,
      'launch',
      everybody.filter((id) => id !== 'U0CARL'),
    );
    this.channel(
      OTHER,
      'random',
      everybody.filter((id) => id !== this.bot.user),
    );
  }

  channel(id: string, name: string, members: readonly string[], direct?: string): Channel {
    const channel: Channel = {
      id,
      name,
      archived: false,
      members: new Set(members),
      messages: [],
      pins: [],
      ...(direct === undefined ? {} : { direct }),
    };
    this.channels.set(id, channel);
    return channel;
  }

  get launch(): Channel {
    return this.channels.get(LAUNCH) as Channel;
  }

  /** A person's direct messages with the bot. */
  direct(user: string): Channel {
    for (const channel of this.channels.values()) if (channel.direct === user) return channel;
    return this.channel(`D${user.slice(1)}`, 'direct', [user, this.bot.user], user);
  }

  message(ts: string): ShownMessage {
    for (const channel of this.channels.values()) {
      const found = channel.messages.find((message) => message.ts === ts);
      if (found) return found;
    }
    throw new Error(`no message ${ts}`);
  }

  /** How many messages exist for each outbox id that was ever posted; more than one is a double. */
  copies(): Map<number, number> {
    const copies = new Map<number, number>();
    for (const channel of this.channels.values())
      for (const { outboxIds } of channel.messages) {
        const [first] = outboxIds;
        if (first !== undefined) copies.set(first, (copies.get(first) ?? 0) + 1);
      }
    return copies;
  }

  /** The same by the post's own id. */
  postCopies(): Map<string, number> {
    const copies = new Map<string, number>();
    for (const channel of this.channels.values())
      for (const { metadata } of channel.messages) {
        const post = metadata?.event_payload['post'];
        if (typeof post === 'string') copies.set(post, (copies.get(post) ?? 0) + 1);
      }
    return copies;
  }

  ts(): string {
    this.#lastTs = Math.max(this.#lastTs + 1, Date.now() * 1000);
    return `${Math.floor(this.#lastTs / 1e6)}.${String(this.#lastTs % 1e6).padStart(6, '0')}`;
  }

  id(prefix: string): string {
    return `${prefix}${String(this.#nextId++).padStart(6, '0')}`;
  }
}
