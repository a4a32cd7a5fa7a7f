import { type Exchange, messageJson } from './person.ts';
import { commandErrors, invalidForm, type Modal, messageErrors, modalErrors } from './validate.ts';
import {
  type MessageBody,
  type Option,
  type PermissionName,
  type RegisteredCommand,
  type StoredChannel,
  type StoredFile,
  type StoredMessage,
  snowflake,
  type World,
} from './world.ts';

export interface Call {
  readonly method: string;
  /** Behind /api/v10, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
  readonly files: StoredFile[];
  readonly token: string | undefined;
}

export interface Answer {
  readonly status: number;
  readonly body?: object;
}

export interface Surroundings {
  readonly world: World;
  readonly token: () => string;
  readonly sessions: () => { total: number; remaining: number; reset_after: number; max_concurrency: number };
  readonly gatewayUrl: () => string;
  readonly exchanges: Map<string, Exchange>;
  /** Interactions that are not acknowledged within that long are over. */
  readonly acknowledgeMs: () => number;
}

type Handler = (call: Call, ids: readonly string[]) => Answer;

const UNAUTHORIZED: Answer = { status: 401, body: { code: 0, message: '401: Unauthorized' } };

function refusal(status: number, code: number, message: string): Answer {
  return { status, body: { code, message } };
}

const UNKNOWN_CHANNEL = refusal(404, 10003, 'Unknown Channel');
const UNKNOWN_MESSAGE = refusal(404, 10008, 'Unknown Message');
const MISSING_ACCESS = refusal(403, 50001, 'Missing Access');
const MISSING_PERMISSIONS = refusal(403, 50013, 'Missing Permissions');

/** Answers as Discord's REST interface does. */
export class Routes {
  readonly #table: readonly (readonly [method: string, path: RegExp, open: boolean, handler: Handler])[];

  constructor(private readonly around: Surroundings) {
    const c = '/channels/(\\d+)';
    const at = (path: string) => new RegExp(`^${path}$`);
    this.#table = [
      ['GET', at('/gateway/bot'), false, () => this.#gateway()],
      ['GET', at('/users/@me'), false, () => this.#me()],
      [
        'GET',
        at('/(?:oauth2/)?applications/@me'),
        false,
        () => ({ status: 200, body: { id: this.#world.application } }),
      ],
      ['GET', at('/guilds/(\\d+)'), false, (_, [id]) => this.#guild(id)],
      ['GET', at('/guilds/(\\d+)/roles'), false, (_, [id]) => this.#roles(id)],
      ['GET', at('/guilds/(\\d+)/members/(\\d+)'), false, (_, [, user]) => this.#member(user)],
      ['GET', at('/applications/(\\d+)/guilds/(\\d+)/commands'), false, () => this.#commands()],
      ['PUT', at('/applications/(\\d+)/guilds/(\\d+)/commands'), false, (call) => this.#register(call)],
      ['GET', at(c), false, (_, [id]) => this.#channel(id)],
      ['PATCH', at(c), false, (call, [id]) => this.#changeChannel(call, id)],
      ['GET', at(`${c}/messages`), false, (call, [id]) => this.#list(call, id)],
      ['POST', at(`${c}/messages`), false, (call, [id]) => this.#post(call, id)],
      ['PATCH', at(`${c}/messages/(\\d+)`), false, (call, [id, message]) => this.#edit(call, id, message)],
      [
        'POST',
        at(`${c}/messages/(\\d+)/threads`),
        false,
        (call, [id, message]) => this.#thread(call, id, message),
      ],
      ['PUT', at(`${c}/messages/pins/(\\d+)`), false, (_, [id, message]) => this.#pin(id, message)],
      [
        'POST',
        at('/interactions/(\\d+)/([^/]+)/callback'),
        true,
        (call, [id, token]) => this.#callback(call, id, token),
      ],
      [
        'PATCH',
        at('/webhooks/(\\d+)/([^/]+)/messages/(?:@|%40)original'),
        true,
        (call, [, token]) => this.#original(call, token),
      ],
      ['POST', at('/webhooks/(\\d+)/([^/]+)'), true, (call, [, token]) => this.#followUp(call, token)],
    ];
  }

  get #world(): World {
    return this.around.world;
  }

  answer(call: Call): Answer {
    for (const [method, path, open, handler] of this.#table) {
      const match = path.exec(call.path);
      if (method !== call.method || !match) continue;
      if (!open && call.token !== `Bot ${this.around.token()}`) return UNAUTHORIZED;
      return handler(call, match.slice(1));
    }
    return refusal(404, 0, '404: Not Found');
  }

  #gateway(): Answer {
    return {
      status: 200,
      body: { url: this.around.gatewayUrl(), shards: 1, session_start_limit: this.around.sessions() },
    };
  }

  #me(): Answer {
    return {
      status: 200,
      body: { id: this.#world.botUser, username: 'warroom', discriminator: '0', bot: true },
    };
  }

  #guild(id: string | undefined): Answer {
    if (id !== this.#world.guild) return refusal(404, 10004, 'Unknown Guild');
    return { status: 200, body: { id, name: 'Shop', owner_id: '1', roles: this.#roleList() } };
  }

  #roles(id: string | undefined): Answer {
    if (id !== this.#world.guild) return refusal(404, 10004, 'Unknown Guild');
    return { status: 200, body: this.#roleList() };
  }

  /** The bot's permissions are those of @everyone here. */
  #roleList(): object[] {
    return [...this.#world.roles.values()].map((role) => ({
      ...{ id: role.id, name: role.name, mentionable: role.mentionable },
      permissions: String(role.id === this.#world.guild ? this.#world.permissions : role.permissions),
    }));
  }

  #member(id: string | undefined): Answer {
    const member = this.#world.members.get(id ?? '');
    if (!member) return refusal(404, 10007, 'Unknown Member');
    return { status: 200, body: { ...member } };
  }

  #commands(): Answer {
    if (!this.#world.commandsScope) return MISSING_ACCESS;
    return { status: 200, body: this.#world.commands };
  }

  #register({ body }: Call): Answer {
    if (!this.#world.commandsScope) return MISSING_ACCESS;
    const commands = body as Option[];
    const errors = commandErrors(commands);
    if (errors.length > 0) return { status: 400, body: invalidForm(errors) };
    this.#world.registrations += 1;
    this.#world.commands = commands.map(
      (command): RegisteredCommand => ({ ...stored(command), id: snowflake() }),
    );
    return { status: 200, body: this.#world.commands };
  }

  #channel(id: string | undefined): Answer {
    const channel = this.#world.channels.get(id ?? '');
    if (!channel) return UNKNOWN_CHANNEL;
    if (!this.#world.may('ViewChannel')) return MISSING_ACCESS;
    return { status: 200, body: this.#channelJson(channel) };
  }

  #channelJson(channel: StoredChannel): object {
    const { id, name, type, parent, archived, locked } = channel;
    const permission_overwrites = id === this.#world.channel ? this.#world.overwrites : [];
    if (type === 0) return { id, name, type, guild_id: this.#world.guild, permission_overwrites };
    const thread = {
      archived,
      locked,
      auto_archive_duration: 10_080,
      archive_timestamp: new Date().toISOString(),
    };
    return { id, name, type, guild_id: this.#world.guild, parent_id: parent, thread_metadata: thread };
  }

  #changeChannel({ body }: Call, id: string | undefined): Answer {
    const channel = this.#world.channels.get(id ?? '');
    if (!channel) return UNKNOWN_CHANNEL;
    if (channel.locked) return MISSING_PERMISSIONS;
    const { archived } = body as { archived?: boolean };
    if (archived !== undefined) channel.archived = archived;
    return { status: 200, body: this.#channelJson(channel) };
  }

  /** What stands in the way of a message in that channel. */
  #barred(id: string | undefined, more: readonly PermissionName[] = []): Answer | undefined {
    const channel = this.#world.channels.get(id ?? '');
    if (!channel) return UNKNOWN_CHANNEL;
    if (!this.#world.may('ViewChannel')) return MISSING_ACCESS;
    const post: PermissionName = channel.type === 11 ? 'SendMessagesInThreads' : 'SendMessages';
    return [post, ...more].every((one) => this.#world.may(one)) ? undefined : MISSING_PERMISSIONS;
  }

  #list({ query }: Call, id: string | undefined): Answer {
    if (!this.#world.channels.has(id ?? '')) return UNKNOWN_CHANNEL;
    if (!this.#world.may('ViewChannel')) return MISSING_ACCESS;
    if (!this.#world.may('ReadMessageHistory')) return { status: 200, body: [] };
    const before = query.get('before');
    const list = this.#world
      .shown(id)
      .filter((one) => before === null || BigInt(one.id) < BigInt(before))
      .reverse()
      .slice(0, Number(query.get('limit') ?? 50));
    // A nonce is for the sender's own answer only; a list does not carry it.
    return { status: 200, body: list.map((one) => ({ ...messageJson(this.#world, one), nonce: undefined })) };
  }

  #post({ body, files }: Call, id: string | undefined): Answer {
    const message = body as MessageBody;
    const problem = this.#barred(id, needs(message, files)) ?? this.#invalid(message, files);
    if (problem) return problem;
    const channel = this.#world.channels.get(id ?? '') as StoredChannel;
    if (channel.locked) return MISSING_PERMISSIONS;
    channel.archived = false;
    const posted = this.#world.post(channel.id, this.#world.botUser, message, files);
    return { status: 200, body: messageJson(this.#world, posted) };
  }

  #invalid(message: MessageBody, files: readonly StoredFile[], partial = false): Answer | undefined {
    const errors = messageErrors(message);
    if (errors.length > 0) return { status: 400, body: invalidForm(errors) };
    const empty = !message.content && !message.embeds?.length && files.length === 0;
    return empty && !partial ? refusal(400, 50006, 'Cannot send an empty message') : undefined;
  }

  #edit({ body, files }: Call, id: string | undefined, messageId: string | undefined): Answer {
    const change = body as MessageBody;
    const problem = this.#barred(id, needs(change, files)) ?? this.#invalid(change, files, true);
    if (problem) return problem;
    const message = this.#world.messages.get(messageId ?? '');
    if (!message || message.channel !== id) return UNKNOWN_MESSAGE;
    if (message.author !== this.#world.botUser)
      return refusal(403, 50005, 'Cannot edit a message authored by another user');
    if (this.#world.channels.get(id ?? '')?.archived) return refusal(400, 50083, 'Thread is archived');
    changeMessage(message, change, files);
    return { status: 200, body: messageJson(this.#world, message) };
  }

  #thread({ body }: Call, id: string | undefined, messageId: string | undefined): Answer {
    if (!this.#world.channels.has(id ?? '')) return UNKNOWN_CHANNEL;
    if (!this.#world.may('CreatePublicThreads')) return MISSING_PERMISSIONS;
    const message = this.#world.messages.get(messageId ?? '');
    if (!message) return UNKNOWN_MESSAGE;
    if (this.#world.channels.has(message.id))
      return refusal(400, 160004, 'A thread has already been created for this message');
    const { name } = body as { name: string };
    if (name.length < 1 || name.length > 100)
      return {
        status: 400,
        body: invalidForm([
          { path: 'name', code: 'BASE_TYPE_BAD_LENGTH', message: 'Must be between 1 and 100 in length.' },
        ]),
      };
    const thread: StoredChannel = {
      id: message.id,
      name,
      type: 11,
      parent: id as string,
      archived: false,
      locked: false,
    };
    this.#world.channels.set(thread.id, thread);
    return { status: 201, body: this.#channelJson(thread) };
  }

  #pin(id: string | undefined, messageId: string | undefined): Answer {
    const problem = this.#barred(id);
    if (problem) return problem;
    if (!this.#world.may('PinMessages')) return MISSING_PERMISSIONS;
    const message = this.#world.messages.get(messageId ?? '');
    if (!message) return UNKNOWN_MESSAGE;
    message.pinned = true;
    return { status: 204 };
  }

  #callback({ body }: Call, id: string | undefined, token: string | undefined): Answer {
    const exchange = this.around.exchanges.get(id ?? '');
    if (!exchange || exchange.token !== token) return refusal(404, 10062, 'Unknown interaction');
    const refuse = (answer: Answer, code: number) => {
      exchange.refused.push(code);
      exchange.changed();
      return answer;
    };
    if (exchange.type !== undefined)
      return refuse(refusal(400, 40060, 'Interaction has already been acknowledged.'), 40060);
    const age = Date.now() - exchange.sentAt + exchange.ageMs;
    if (age > this.around.acknowledgeMs()) return refuse(refusal(404, 10062, 'Unknown interaction'), 10062);
    const { type, data } = body as { type: number; data?: MessageBody & Modal & { choices?: [] } };
    const errors = type === 9 && data ? modalErrors(data) : data && type !== 8 ? messageErrors(data) : [];
    if (type === 8 && (data?.choices?.length ?? 0) > 25)
      errors.push({
        path: 'data.choices',
        code: 'BASE_TYPE_MAX_LENGTH',
        message: 'Must be 25 or fewer in length.',
      });
    if (errors.length > 0) return refuse({ status: 400, body: invalidForm(errors) }, 50035);
    exchange.type = type;
    exchange.acknowledgedMs = Date.now() - exchange.sentAt;
    exchange.ephemeral = ((data?.flags ?? 0) & 64) !== 0;
    if (type === 9) exchange.modal = data as Modal;
    if (type === 8) exchange.choices = data?.choices ?? [];
    if (type === 4 && data) this.#answered(exchange, data, []);
    if (type === 8 || type === 9) exchange.answeredMs = exchange.acknowledgedMs;
    exchange.changed();
    return { status: 204 };
  }

  #original({ body, files }: Call, token: string | undefined): Answer {
    const exchange = this.#byToken(token);
    if (exchange?.type === undefined) return refusal(404, 10015, 'Unknown Webhook');
    const change = body as MessageBody;
    const problem = this.#invalid(change, files, exchange.message !== undefined);
    if (problem) return problem;
    if (exchange.message) changeMessage(exchange.message, change, files);
    this.#answered(exchange, change, files);
    exchange.changed();
    return { status: 200, body: messageJson(this.#world, exchange.message as StoredMessage) };
  }

  #answered(exchange: Exchange, body: MessageBody, files: StoredFile[]): void {
    const author = this.#world.botUser;
    exchange.message ??= this.#world.post(exchange.channel, author, body, files, exchange.ephemeral);
    exchange.answeredMs = Date.now() - exchange.sentAt;
  }

  #followUp({ body, files }: Call, token: string | undefined): Answer {
    const exchange = this.#byToken(token);
    if (exchange?.type === undefined) return refusal(404, 10015, 'Unknown Webhook');
    const message = body as MessageBody;
    const problem = this.#invalid(message, files);
    if (problem) return problem;
    const ephemeral = ((message.flags ?? 0) & 64) !== 0;
    const posted = this.#world.post(exchange.channel, this.#world.botUser, message, files, ephemeral);
    exchange.followUps.push(posted);
    exchange.changed();
    return { status: 200, body: messageJson(this.#world, posted) };
  }

  #byToken(token: string | undefined): Exchange | undefined {
    return [...this.around.exchanges.values()].find((one) => one.token === token);
  }
}

function needs(message: MessageBody, files: readonly StoredFile[]): PermissionName[] {
  const list: PermissionName[] = [];
  if (message.embeds?.length) list.push('EmbedLinks');
  if (files.length > 0) list.push('AttachFiles');
  return list;
}

function changeMessage(message: StoredMessage, change: MessageBody, files: StoredFile[]): void {
  message.history.push(message.body);
  message.body = { ...message.body, ...change };
  // Without a list of attachments the old files stay.
  message.files = change.attachments === undefined ? [...message.files, ...files] : files;
  message.edited += 1;
}

/** Discord gives back what it stored: defaults that were left out are filled in or missing, and false is dropped. */
function stored(option: Option): Option {
  const { options, required, autocomplete, ...rest } = option;
  return {
    ...rest,
    ...(required ? { required } : {}),
    ...(autocomplete ? { autocomplete } : {}),
    ...(options?.length ? { options: options.map(stored) } : {}),
  };
}
