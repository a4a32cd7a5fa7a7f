/** What a guild with one launch channel holds; the stand-in's memory. */

export interface StoredUser {
  readonly id: string;
  username: string;
  readonly bot?: boolean;
}

export interface StoredMember {
  readonly user: StoredUser;
  roles: string[];
  pending: boolean;
  flags: number;
}

export interface StoredRole {
  readonly id: string;
  readonly name: string;
  readonly mentionable: boolean;
  permissions: bigint;
}

export interface StoredChannel {
  readonly id: string;
  readonly name: string;
  /** 0 text, 11 thread. */
  readonly type: 0 | 11;
  readonly parent?: string;
  archived: boolean;
  locked: boolean;
}

export interface StoredFile {
  readonly name: string;
  readonly text: string;
}

export interface StoredMessage {
  readonly id: string;
  readonly channel: string;
  readonly author: string;
  readonly nonce?: string;
  body: MessageBody;
  files: StoredFile[];
  /** Earlier bodies, oldest first. */
  readonly history: MessageBody[];
  edited: number;
  pinned: boolean;
  readonly ephemeral: boolean;
  readonly at: number;
}

export interface Embed {
  readonly title?: string;
  readonly description?: string;
  readonly color?: number;
  readonly fields?: readonly { readonly name: string; readonly value: string; readonly inline?: boolean }[];
  readonly footer?: { readonly text: string };
  readonly author?: { readonly name: string };
}

export interface Component {
  readonly type: number;
  readonly custom_id?: string;
  readonly label?: string;
  readonly style?: number;
  readonly disabled?: boolean;
  readonly components?: readonly Component[];
  readonly component?: Component;
  readonly options?: readonly {
    readonly label: string;
    readonly value: string;
    readonly default?: boolean;
  }[];
  readonly value?: string;
  readonly required?: boolean;
  readonly min_length?: number;
  readonly max_length?: number;
  readonly description?: string;
}

export interface MessageBody {
  readonly content?: string;
  readonly embeds?: readonly Embed[];
  readonly components?: readonly Component[];
  readonly flags?: number;
  readonly nonce?: string | number;
  readonly enforce_nonce?: boolean;
  readonly attachments?: readonly { readonly id: string | number; readonly filename?: string }[];
  readonly allowed_mentions?: {
    readonly parse?: readonly string[];
    readonly users?: readonly string[];
    readonly roles?: readonly string[];
  };
}

export interface Option {
  readonly type: number;
  readonly name: string;
  readonly description: string;
  readonly required?: boolean;
  readonly autocomplete?: boolean;
  readonly choices?: readonly { readonly name: string; readonly value: string }[];
  readonly options?: readonly Option[];
}

export interface RegisteredCommand extends Option {
  readonly id: string;
}

const EPOCH = 1_420_070_400_000;
let sequence = 0;

/** An id that carries a time, as Discord's do. */
export function snowflake(at = Date.now()): string {
  sequence = (sequence + 1) % 4096;
  return ((BigInt(at - EPOCH) << 22n) | BigInt(sequence)).toString();
}

export const PERMISSIONS = {
  ViewChannel: 1n << 10n,
  SendMessages: 1n << 11n,
  EmbedLinks: 1n << 14n,
  AttachFiles: 1n << 15n,
  ReadMessageHistory: 1n << 16n,
  CreatePublicThreads: 1n << 35n,
  SendMessagesInThreads: 1n << 38n,
  PinMessages: 1n << 51n,
} as const;
export type PermissionName = keyof typeof PERMISSIONS;

export class World {
  readonly guild = '7700000000000000001';
  readonly channel = '7700000000000000002';
  readonly otherChannel = '7700000000000000003';
  readonly application = '7700000000000000010';
  readonly botUser = '7700000000000000010';
  readonly channels = new Map<string, StoredChannel>();
  readonly messages = new Map<string, StoredMessage>();
  readonly members = new Map<string, StoredMember>();
  readonly roles = new Map<string, StoredRole>();
  readonly #nonces = new Map<string, string>();
  commands: RegisteredCommand[] = [];
  /** How often the commands were written. */
  registrations = 0;
  /** May the application register commands here (scope applications.commands). */
  commandsScope = true;
  /** What the launch channel changes of the roles' permissions; `type` 0 is a role, 1 a member. */
  overwrites: { id: string; type: 0 | 1; allow: string; deny: string }[] = [];
  permissions = Object.values(PERMISSIONS).reduce((all, one) => all | one, 0n);

  constructor() {
    this.channels.set(this.channel, this.#textChannel(this.channel, 'launch'));
    this.channels.set(this.otherChannel, this.#textChannel(this.otherChannel, 'lounge'));
    this.roles.set(this.guild, { id: this.guild, name: '@everyone', mentionable: false, permissions: 0n });
    this.addMember({ id: this.botUser, username: 'warroom', bot: true });
  }

  #textChannel(id: string, name: string): StoredChannel {
    return { id, name, type: 0, archived: false, locked: false };
  }

  addMember(user: StoredUser, more: Partial<Pick<StoredMember, 'roles' | 'pending' | 'flags'>> = {}): void {
    this.members.set(user.id, { user, roles: [], pending: false, flags: 0, ...more });
  }

  addRole(name: string, mentionable = true): string {
    const id = snowflake();
    this.roles.set(id, { id, name, mentionable, permissions: 0n });
    return id;
  }

  deny(permission: PermissionName): void {
    this.permissions &= ~PERMISSIONS[permission];
  }

  allow(permission: PermissionName): void {
    this.permissions |= PERMISSIONS[permission];
  }

  may(permission: PermissionName): boolean {
    return (this.permissions & PERMISSIONS[permission]) !== 0n;
  }

  /** Stores it, or gives the earlier one with the same nonce. */
  post(
    channel: string,
    author: string,
    body: MessageBody,
    files: StoredFile[],
    ephemeral = false,
  ): StoredMessage {
    const nonce = body.nonce === undefined ? undefined : String(body.nonce);
    const key = `${channel} ${author} ${nonce}`;
    const earlier = nonce !== undefined && body.enforce_nonce ? this.#nonces.get(key) : undefined;
    const known = earlier === undefined ? undefined : this.messages.get(earlier);
    if (known) return known;
    const message: StoredMessage = {
      ...{ id: snowflake(), channel, author, body, files, history: [], edited: 0, pinned: false, ephemeral },
      at: Date.now(),
      ...(nonce === undefined ? {} : { nonce }),
    };
    this.messages.set(message.id, message);
    if (nonce !== undefined) this.#nonces.set(key, message.id);
    return message;
  }

  /** Forgets the nonces, as Discord does after a few minutes. */
  forgetNonces(): void {
    this.#nonces.clear();
  }

  /** What stands in a channel or thread for all to see, oldest first. */
  shown(channel = this.channel): StoredMessage[] {
    return [...this.messages.values()].filter((one) => one.channel === channel && !one.ephemeral);
  }

  remove(id: string): void {
    this.messages.delete(id);
    const thread = this.channels.get(id);
    if (thread) this.removeChannel(thread.id);
  }

  removeChannel(id: string): void {
    this.channels.delete(id);
    for (const message of this.messages.values())
      if (message.channel === id) this.messages.delete(message.id);
  }
}
