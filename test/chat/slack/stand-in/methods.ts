import { blockProblems, isRecord, textLength, viewProblems } from './blocks.ts';
import type { BlockJson, Channel, ShownMessage, World } from './world.ts';

export type Args = Readonly<Record<string, unknown>>;
export type Answer = { readonly ok: boolean; readonly error?: string; readonly [field: string]: unknown };

const no = (error: string, more: object = {}): Answer => ({ ok: false, error, ...more });

/** What Slack needs for each method; the second of two stands for private channels. */
const NEEDS: Readonly<Record<string, string>> = {
  'chat.postMessage': 'chat:write',
  'chat.update': 'chat:write',
  'chat.delete': 'chat:write',
  'chat.postEphemeral': 'chat:write',
  'conversations.history': 'channels:history',
  'conversations.replies': 'channels:history',
  'conversations.info': 'channels:read',
  'conversations.members': 'channels:read',
  'users.info': 'users:read',
  'bots.info': 'users:read',
  'usergroups.list': 'usergroups:read',
  'pins.add': 'pins:write',
  'files.getUploadURLExternal': 'files:write',
  'files.completeUploadExternal': 'files:write',
};

export interface MethodContext {
  readonly world: World;
  readonly url: () => string;
  /** Uses a trigger up; says why it is not good. */
  readonly trigger: (id: unknown) => { readonly user: string } | string;
}

export function callMethod(method: string, args: Args, context: MethodContext): Answer {
  const { world } = context;
  const needed = NEEDS[method];
  if (needed && !world.scopes.has(needed))
    return no('missing_scope', { needed, provided: [...world.scopes].join(',') });
  const run = METHODS[method];
  return run ? run(args, context) : no('unknown_method');
}

const METHODS: Readonly<Record<string, (args: Args, context: MethodContext) => Answer>> = {
  'auth.test': (_, { world }) => ({
    ok: true,
    ...{ url: 'https://stand-in.slack.com/', team: 'Stand-in', user: 'warroom' },
    ...{ team_id: world.team, user_id: world.bot.user, bot_id: world.bot.id },
  }),
  'users.info': ({ user }, { world }) => {
    const found = world.users.get(String(user));
    return found
      ? { ok: true, user: { ...found, real_name: found.name, profile: { display_name: found.name } } }
      : no('user_not_found');
  },
  'bots.info': ({ bot }, { world }) =>
    bot === world.bot.id
      ? { ok: true, bot: { id: world.bot.id, app_id: world.appId, name: 'warroom' } }
      : no('bot_not_found'),
  'usergroups.list': (_, { world }) => ({ ok: true, usergroups: world.usergroups }),
  'conversations.info': ({ channel }, { world }) => {
    const found = world.channels.get(String(channel));
    if (!found) return no('channel_not_found');
    return {
      ok: true,
      channel: { id: found.id, name: found.name, is_archived: found.archived, is_member: isIn(found, world) },
    };
  },
  'conversations.members': ({ channel, limit, cursor }, { world }) => {
    const found = world.channels.get(String(channel));
    if (!found) return no('channel_not_found');
    return page('members', [...found.members], limit, cursor);
  },
  'conversations.history': (args, context) =>
    within(args, context, (channel) =>
      page(
        'messages',
        channel.messages
          .filter(({ ts, thread_ts }) => thread_ts === undefined || thread_ts === ts)
          .reverse()
          .map((message) => read(message, args)),
        args['limit'],
        args['cursor'],
      ),
    ),
  'conversations.replies': (args, context) =>
    within(args, context, (channel) => {
      const thread = channel.messages.filter(
        ({ ts, thread_ts }) => ts === args['ts'] || thread_ts === args['ts'],
      );
      if (thread.length === 0) return no('thread_not_found');
      return page(
        'messages',
        thread.map((message) => read(message, args)),
        args['limit'],
        args['cursor'],
      );
    }),
  'chat.postMessage': post,
  'chat.update': update,
  'chat.delete': (args, context) =>
    within(args, context, (channel) => {
      const at = channel.messages.findIndex(({ ts }) => ts === args['ts']);
      if (at < 0) return no('message_not_found');
      channel.messages.splice(at, 1);
      return { ok: true, ts: args['ts'] };
    }),
  'chat.postEphemeral': (args, context) =>
    within(args, context, (channel) => {
      const user = String(args['user']);
      if (!channel.members.has(user)) return no('user_not_in_channel');
      const problem = contentProblem(args);
      if (problem) return problem;
      const thread = args['thread_ts'];
      context.world.ephemerals.push({
        ...{
          channel: channel.id,
          user,
          text: String(args['text'] ?? ''),
          blocks: blocksOf(args),
          at: Date.now(),
        },
        ...(typeof thread === 'string' ? { thread_ts: thread } : {}),
        by: 'chat.postEphemeral',
      });
      return { ok: true, message_ts: context.world.ts() };
    }),
  'pins.add': (args, context) =>
    within(args, context, (channel) => {
      const ts = String(args['timestamp']);
      if (!channel.messages.some((message) => message.ts === ts)) return no('message_not_found');
      if (channel.pins.includes(ts)) return no('already_pinned');
      channel.pins.push(ts);
      return { ok: true };
    }),
  'views.open': (args, { world, trigger }) => {
    const good = trigger(args['trigger_id']);
    if (typeof good === 'string') return no(good);
    const problems = viewProblems(args['view']);
    if (problems.length > 0) return no('invalid_arguments', { response_metadata: { messages: problems } });
    const view = { id: world.id('V'), user: good.user, view: args['view'] as Record<string, unknown> };
    world.views.push(view);
    return { ok: true, view: { ...view.view, id: view.id } };
  },
  'files.getUploadURLExternal': (args, { world, url }) => {
    const id = world.id('F');
    world.files.set(id, { id, name: String(args['filename']), content: '', shares: [] });
    return { ok: true, upload_url: `${url()}upload/${id}`, file_id: id };
  },
  'files.completeUploadExternal': completeUpload,
  'files.info': ({ file }, { world }) => {
    const found = world.files.get(String(file));
    return found
      ? { ok: true, file: { id: found.id, name: found.name, shares: found.shares } }
      : no('file_not_found');
  },
};

function post(args: Args, context: MethodContext): Answer {
  const { world } = context;
  const target = String(args['channel']);
  const channel = world.users.has(target) ? world.direct(target).id : target;
  return within({ ...args, channel }, context, (found) => {
    const problem = contentProblem(args);
    if (problem) return problem;
    const thread = args['thread_ts'];
    if (thread !== undefined && !found.messages.some(({ ts }) => ts === thread))
      return no('thread_not_found');
    const message: ShownMessage = {
      ...{ ts: world.ts(), user: world.bot.user, bot_id: world.bot.id, edits: [], outboxIds: [] },
      text: String(args['text'] ?? '').slice(0, 40_000),
      blocks: blocksOf(args),
      literal: args['mrkdwn'] === 'false' || args['mrkdwn'] === false,
      ...(typeof thread === 'string' ? { thread_ts: thread } : {}),
    };
    remember(message, args['metadata']);
    found.messages.push(message);
    return { ok: true, channel: found.id, ts: message.ts, message: { ts: message.ts, text: message.text } };
  });
}

function update(args: Args, context: MethodContext): Answer {
  return within(args, context, (channel) => {
    const message = channel.messages.find(({ ts }) => ts === args['ts']);
    if (!message) return no('message_not_found');
    if (message.bot_id !== context.world.bot.id) return no('cant_update_message');
    const text = String(args['text'] ?? '');
    if (text.length > 4_000) return no('msg_too_long');
    const problem = contentProblem(args);
    if (problem) return problem;
    message.edits.push({ at: Date.now(), text: message.text, blocks: message.blocks });
    message.text = text;
    message.blocks = blocksOf(args);
    remember(message, args['metadata']);
    return { ok: true, channel: channel.id, ts: message.ts, text };
  });
}

function completeUpload(args: Args, context: MethodContext): Answer {
  const { world } = context;
  const channel = world.channels.get(String(args['channel_id']));
  if (!channel) return no('channel_not_found');
  const ids = (Array.isArray(args['files']) ? args['files'] : []).flatMap((file: unknown) =>
    isRecord(file) && typeof file['id'] === 'string' ? [file['id']] : [],
  );
  const files = ids.flatMap((id) => world.files.get(id) ?? []);
  const thread = args['thread_ts'];
  if (world.sharesFiles)
    for (const file of files) {
      file.shares.push({ channel: channel.id, ...(typeof thread === 'string' ? { thread } : {}) });
      channel.messages.push({
        ...{ ts: world.ts(), user: world.bot.user, bot_id: world.bot.id, edits: [], outboxIds: [] },
        ...{ text: '', blocks: [], literal: true, files: [{ id: file.id, name: file.name }] },
        ...(typeof thread === 'string' ? { thread_ts: thread } : {}),
      });
    }
  return { ok: true, files: files.map(({ id, name }) => ({ id, title: name })) };
}

function within(args: Args, { world }: MethodContext, then: (channel: Channel) => Answer): Answer {
  const channel = world.channels.get(String(args['channel']));
  if (!channel) return no('channel_not_found');
  if (!isIn(channel, world)) return no('not_in_channel');
  if (channel.archived) return no('is_archived');
  return then(channel);
}

function isIn(channel: Channel, world: World): boolean {
  return channel.members.has(world.bot.user);
}

function contentProblem(args: Args): Answer | undefined {
  const blocks = blocksOf(args);
  const problems = blockProblems(args['blocks'] ?? []);
  if (problems.length > 0) return no('invalid_blocks', { response_metadata: { messages: problems } });
  if (textLength(blocks) > 13_200) return no('msg_blocks_too_long');
  if (blocks.length === 0 && String(args['text'] ?? '') === '') return no('no_text');
  return undefined;
}

function blocksOf(args: Args): BlockJson[] {
  return Array.isArray(args['blocks']) ? (args['blocks'] as BlockJson[]) : [];
}

function remember(message: ShownMessage, metadata: unknown): void {
  if (!isRecord(metadata)) return;
  message.metadata = metadata as NonNullable<ShownMessage['metadata']>;
  const outbox = message.metadata.event_payload['outbox'];
  if (typeof outbox === 'number') message.outboxIds.push(outbox);
}

/** Metadata is given to those who ask for it. */
function read(message: ShownMessage, args: Args): object {
  const { edits: _edits, outboxIds: _ids, literal: _literal, metadata, ...shown } = message;
  return String(args['include_all_metadata']) === 'true' && metadata ? { ...shown, metadata } : shown;
}

function page(name: string, all: readonly unknown[], limit: unknown, cursor: unknown): Answer {
  const from = Number(cursor ?? 0);
  const to = from + (Number(limit) || 100);
  const next = to < all.length ? String(to) : '';
  return {
    ok: true,
    [name]: all.slice(from, to),
    has_more: next !== '',
    response_metadata: { next_cursor: next },
  };
}
