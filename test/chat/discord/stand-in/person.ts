import type { Modal } from './validate.ts';
import { type Component, type MessageBody, type StoredMessage, snowflake, type World } from './world.ts';

/** One thing a person did, and what the bot answered to it. */
export class Exchange {
  readonly id: string;
  readonly token = `token-${snowflake()}`;
  readonly sentAt = Date.now();
  /** Callback type: 4 message, 5 deferred, 6 deferred update, 7 update, 8 choices, 9 modal. */
  type: number | undefined;
  acknowledgedMs: number | undefined;
  answeredMs: number | undefined;
  ephemeral = false;
  message: StoredMessage | undefined;
  readonly followUps: StoredMessage[] = [];
  modal: Modal | undefined;
  choices: readonly { readonly name: string; readonly value: string }[] | undefined;
  /** Calls that were refused: codes such as 40060 and 10062. */
  readonly refused: number[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(
    readonly user: string,
    readonly channel: string,
    readonly ageMs: number,
  ) {
    this.id = snowflake(Date.now() - ageMs);
  }

  changed(): void {
    for (const look of [...this.#waiting]) look();
  }

  /** The text of the answer as it stands: content, embeds and files. */
  get text(): string {
    const body = this.message?.body;
    const embeds = (body?.embeds ?? []).map((embed) => [embed.title, embed.description].join('\n'));
    return [body?.content ?? '', ...embeds, ...(this.message?.files.map((file) => file.text) ?? [])]
      .join('\n')
      .trim();
  }

  /** Waits until it holds; false at the deadline. */
  until(holds: (exchange: Exchange) => boolean, timeoutMs = 30_000): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (value: boolean) => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(value);
      };
      const look = () => {
        if (holds(this)) end(true);
      };
      const timer = setTimeout(() => end(false), timeoutMs);
      this.#waiting.add(look);
      look();
    });
  }
}

export interface Doing {
  /** Where; the launch channel when left out. */
  readonly channel?: string;
  readonly guild?: string | null;
  /** It happened that long ago, as a replayed event. */
  readonly ageMs?: number;
  /** Delivered that many times. */
  readonly times?: number;
  /** How long the answer is waited for. */
  readonly timeoutMs?: number;
}

/** The payload that the gateway brings for what a person does. */
export function interaction(
  world: World,
  exchange: Exchange,
  type: number,
  data: object,
  more: Doing,
  message?: StoredMessage,
): object {
  const member = world.members.get(exchange.user);
  const channel = world.channels.get(exchange.channel);
  const guild = more.guild === undefined ? world.guild : more.guild;
  const user = member?.user ?? { id: exchange.user, username: `user${exchange.user}` };
  const common = { ...user, discriminator: '0', avatar: null, global_name: user.username };
  return {
    ...{ id: exchange.id, token: exchange.token, type, version: 1, application_id: world.application, data },
    ...{ locale: 'en-US', guild_locale: 'en-US', entitlements: [], attachment_size_limit: 10_485_760 },
    ...{ app_permissions: String(world.permissions), authorizing_integration_owners: {}, context: 0 },
    channel_id: exchange.channel,
    channel: {
      ...{ id: exchange.channel, name: channel?.name ?? 'gone', type: channel?.type ?? 0, permissions: '0' },
      ...(channel?.type === 11
        ? {
            parent_id: channel.parent,
            thread_metadata: { archived: channel.archived, locked: channel.locked },
          }
        : {}),
    },
    ...(guild === null
      ? { user: common }
      : {
          guild_id: guild,
          guild: { id: guild, locale: 'en-US', features: [] },
          ...(member
            ? {
                member: {
                  ...{ user: common, nick: null, avatar: null, roles: member.roles, pending: member.pending },
                  ...{ flags: member.flags, permissions: '0', joined_at: new Date(0).toISOString() },
                  ...{ deaf: false, mute: false, premium_since: null, communication_disabled_until: null },
                },
              }
            : { user: common }),
        }),
    ...(message ? { message: messageJson(world, message) } : {}),
  };
}

export function messageJson(world: World, message: StoredMessage): object {
  const author = world.members.get(message.author)?.user ?? { id: message.author, username: 'someone' };
  const { content, embeds, components, flags } = message.body;
  return {
    ...{ id: message.id, channel_id: message.channel, type: 0, tts: false, mention_everyone: false },
    author: { ...author, discriminator: '0', avatar: null, global_name: null },
    ...{ content: content ?? '', embeds: embeds ?? [], components: components ?? [] },
    flags: (flags ?? 0) | (message.ephemeral ? 64 : 0),
    timestamp: new Date(message.at).toISOString(),
    edited_timestamp: message.edited > 0 ? new Date().toISOString() : null,
    attachments: message.files.map((file, i) => ({
      ...{ id: `${message.id}${i}`, filename: file.name, size: file.text.length },
      ...{ url: `http://127.0.0.1/${file.name}`, proxy_url: `http://127.0.0.1/${file.name}` },
    })),
    ...{ mentions: [], mention_roles: [], pinned: message.pinned },
    ...(message.nonce === undefined ? {} : { nonce: message.nonce }),
  };
}

/** The options of a sub-command as a client sends them; throws where it would not offer them. */
export function commandData(
  world: World,
  subcommand: string,
  options: Readonly<Record<string, string | boolean>>,
  focused?: string,
): object {
  const command = world.commands.find((one) => one.name === 'launch');
  const sub = command?.options?.find((one) => one.name === subcommand);
  if (!command || !sub) throw new Error(`/launch ${subcommand} is not registered`);
  const given = Object.entries(options).map(([name, value]) => {
    const option = sub.options?.find((one) => one.name === name);
    if (!option) throw new Error(`/launch ${subcommand} has no option ${name}`);
    return { type: option.type, name, value, ...(name === focused ? { focused: true } : {}) };
  });
  for (const option of sub.options ?? [])
    if (option.required && focused === undefined && !(option.name in options))
      throw new Error(`/launch ${subcommand} needs ${option.name}`);
  return {
    ...{ id: command.id, name: 'launch', type: 1 },
    options: [{ type: 1, name: subcommand, options: given }],
  };
}

/** A button of a message by its custom id or label. */
export function buttonOf(body: MessageBody, wanted: string): Component {
  const buttons = (body.components ?? []).flatMap((row) => row.components ?? []);
  const found = buttons.find((one) => one.custom_id === wanted || one.label === wanted);
  if (!found)
    throw new Error(
      `no button "${wanted}": there is ${buttons.map((one) => one.label).join(', ') || 'none'}`,
    );
  if (found.disabled) throw new Error(`the button "${wanted}" is disabled`);
  return found;
}

/** What a modal sends; throws where the client would not let it be sent. */
export function modalData(modal: Modal, values: Readonly<Record<string, string>>): object {
  const names = modal.components.map((label) => label.component?.custom_id ?? '');
  for (const name of Object.keys(values))
    if (!names.includes(name)) throw new Error(`the form has no field ${name}`);
  return {
    custom_id: modal.custom_id,
    components: modal.components.map((label, i) => {
      const inner = label.component as Component;
      const name = names[i] as string;
      const preset = inner.type === 3 ? inner.options?.find((one) => one.default)?.value : inner.value;
      const value = values[name] ?? preset ?? '';
      if (inner.required !== false && value === '') throw new Error(`the field ${name} is required`);
      const filled = inner.type === 3 ? { values: value === '' ? [] : [value] } : { value };
      return {
        type: 18,
        id: i * 2 + 1,
        component: { type: inner.type, id: i * 2 + 2, custom_id: name, ...filled },
      };
    }),
  };
}
