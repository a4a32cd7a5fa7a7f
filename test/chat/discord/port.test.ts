import { expect, it } from 'vitest';
import { DeliveryProblem } from '../../../src/bot/platform.ts';
import type { Message } from '../../../src/message/contract.ts';
import { bench, post, text } from './bench.ts';
import type { Misbehaviour } from './stand-in/rules.ts';

async function problem(work: Promise<unknown>): Promise<DeliveryProblem> {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(DeliveryProblem);
  return thrown as DeliveryProblem;
}

const head = (words = 'it burns'): Message => ({
  blocks: [
    { kind: 'heading', tone: 'critical', text: [{ kind: 'plain', text: '#12 Application overloaded' }] },
    ...text(words).blocks,
  ],
});
const headPost = () => post(head(), { id: 'i12', incident: 12, role: 'head' });

it('posts a head, opens its thread, replies in it, edits in place', async () => {
  const { discord, platform } = await bench();
  const { port } = platform;
  const first = headPost();
  const id = await port.send(first, 1, undefined);
  expect(discord.world.channels.get(id)).toMatchObject({ type: 11, name: '#12 Application overloaded' });
  const reply = post(text('approved'), { incident: 12, role: 'reply' });
  const replyId = await port.send(reply, 2, id);
  expect(discord.world.messages.get(replyId)).toMatchObject({ channel: id });
  await port.edit(id, { ...first, version: 2, json: JSON.stringify(head('it heals')) }, 3, undefined);
  const shown = discord.world.messages.get(id);
  expect(shown?.body.embeds?.[0]?.description).toContain('it heals');
  expect(shown?.edited).toBe(1);
  expect(discord.world.shown()).toHaveLength(1);
  expect([...discord.byOutboxId().keys()].sort()).toEqual([1, 2, 3]);
});

it('names a thread within the limit, and what is cut of it is cut visibly', async () => {
  const { discord, platform } = await bench();
  const words = `#12 ${'x'.repeat(84)}😀${'y'.repeat(50)}`;
  const long: Message = { blocks: [{ kind: 'heading', text: [{ kind: 'foreign', text: words }] }] };
  const id = await platform.port.send(post(long, { id: 'i12', incident: 12, role: 'head' }), 1, undefined);
  expect(discord.world.channels.get(id)?.name).toBe(`#12 ${'x'.repeat(84)}…`);
});

it('finds what an unknown outcome left, by its marker, also when the nonce is forgotten', async () => {
  for (const kind of ['reset-after', 'silent'] as const) {
    const { discord, platform } = await bench();
    const { port } = platform;
    const how: Misbehaviour = kind === 'silent' ? { kind, done: true } : { kind };
    discord.misbehave({ method: 'POST', path: /messages$/, times: 1, how });
    const first = headPost();
    const failed = await problem(port.send(first, 7, undefined));
    expect(failed.kind).toBe('ambiguous');
    discord.world.forgetNonces();
    for (let i = 0; i < 120; i += 1)
      discord.world.post(discord.world.channel, '42', { content: `chat ${i}` }, []);
    const found = await port.find(first, 7, undefined);
    expect(found).toBeDefined();
    // Its thread was never opened; found, it has one.
    expect(discord.world.channels.has(found as string)).toBe(true);
    expect(discord.byOutboxId().get(7)).toHaveLength(1);
  }
}, 40_000);

it('does not double even when it is sent again: the nonce is the same', async () => {
  const { discord, platform } = await bench();
  discord.misbehave({ method: 'POST', path: /messages$/, times: 1, how: { kind: 'reset-after' } });
  const note = post(text('hello'));
  await problem(platform.port.send(note, 9, undefined));
  const id = await platform.port.send(note, 9, undefined);
  expect(discord.world.shown().map((one) => one.id)).toEqual([id]);
  expect(discord.doubledNonces()).toEqual([]);
});

it('does not find what was lost, nor what another person or store wrote', async () => {
  const { discord, platform } = await bench();
  discord.misbehave({ method: 'POST', path: /messages$/, times: 1, how: { kind: 'reset-before' } });
  const note = post(text('hello'));
  expect((await problem(platform.port.send(note, 9, undefined))).kind).toBe('ambiguous');
  expect(await platform.port.find(note, 9, undefined)).toBeUndefined();
  await platform.port.send({ ...note, at: note.at - 1 }, 9, undefined);
  expect(await platform.port.find(note, 9, undefined)).toBeUndefined();
  expect(await platform.port.find(note, 9, '123')).toBeUndefined();
});

it.each<[string, Misbehaviour, Partial<DeliveryProblem>]>([
  ['a bucket limit', { kind: 'rate-limit', seconds: 0.3 }, { kind: 'retry', wide: false }],
  ['a global limit', { kind: 'rate-limit', seconds: 0.3, global: true }, { kind: 'retry', wide: true }],
  [
    'a limit without headers',
    { kind: 'rate-limit', seconds: 0.3, bare: true },
    { kind: 'retry', wide: false },
  ],
  ['a server error', { kind: 'status', status: 500 }, { kind: 'ambiguous' }],
  ['a bad gateway', { kind: 'status', status: 502 }, { kind: 'ambiguous' }],
  ['a full nothing', { kind: 'reset-before' }, { kind: 'ambiguous' }],
  [
    'no such channel',
    { kind: 'error', status: 404, code: 10003, message: 'Unknown Channel' },
    { kind: 'blocked' },
  ],
  ['no access', { kind: 'error', status: 403, code: 50001, message: 'Missing Access' }, { kind: 'blocked' }],
  [
    'no permission',
    { kind: 'error', status: 403, code: 50013, message: 'Missing Permissions' },
    { kind: 'blocked' },
  ],
  [
    'a void token',
    { kind: 'error', status: 401, code: 0, message: '401: Unauthorized' },
    { kind: 'blocked' },
  ],
  ['a block without a code', { kind: 'status', status: 403 }, { kind: 'blocked' }],
  ['something unheard of', { kind: 'error', status: 400, code: 99999, message: 'No' }, { kind: 'never' }],
])('tells the outbox what %s means', async (_, how, expected) => {
  const { discord, platform } = await bench();
  discord.misbehave({ method: 'POST', times: 1, how });
  const failed = await problem(platform.port.send(post(text('hello')), 1, undefined));
  expect(failed).toMatchObject(expected);
  if (failed.kind === 'blocked') expect(failed.mend).toMatch(/[A-Z].{20,}/);
  if (how.kind === 'rate-limit' && !how.bare) expect(failed.afterMs).toBeGreaterThanOrEqual(300);
  if (how.kind === 'rate-limit' && how.bare) expect(failed.afterMs).toBeGreaterThan(0);
  // One call, one try: the outbox decides on the next one.
  expect(discord.calls.filter((call) => call.startsWith('POST'))).toHaveLength(1);
  expect(discord.struck).toBe(1);
});

it('repeats an edit without fear, and posts anew what was deleted', async () => {
  const { discord, platform } = await bench();
  const note = post(text('hello'));
  const id = await platform.port.send(note, 1, undefined);
  discord.misbehave({ method: 'PATCH', times: 1, how: { kind: 'status', status: 502 } });
  expect((await problem(platform.port.edit(id, note, 2, undefined))).kind).toBe('retry');
  await platform.port.edit(id, note, 2, undefined);
  discord.world.remove(id);
  expect((await problem(platform.port.edit(id, note, 2, undefined))).kind).toBe('gone');
});

it('waits for Discord as a whole when nobody is there', async () => {
  const { discord, platform } = await bench();
  await discord.stop();
  const failed = await problem(platform.port.send(post(text('hello')), 1, undefined));
  expect(failed).toMatchObject({ kind: 'retry', wide: true });
});

it('opens a thread that is missing, and one that is archived', async () => {
  const { discord, platform } = await bench();
  const { port } = platform;
  discord.misbehave({ method: 'POST', path: /threads$/, times: 1, how: { kind: 'status', status: 500 } });
  const id = await port.send(headPost(), 1, undefined);
  expect(discord.world.channels.has(id)).toBe(false);
  const reply = post(text('one'), { incident: 12, role: 'reply' });
  const replyId = await port.send(reply, 2, id);
  const thread = discord.world.channels.get(id);
  expect(thread).toBeDefined();
  if (thread) thread.archived = true;
  await port.edit(replyId, { ...reply, json: JSON.stringify(text('two')) }, 3, id);
  expect(thread?.archived).toBe(false);
  if (thread) Object.assign(thread, { archived: true, locked: true });
  expect((await problem(port.edit(replyId, reply, 4, id))).kind).toBe('never');
});

it('says that a head is gone when a reply finds neither thread nor head', async () => {
  const { discord, platform } = await bench();
  const id = await platform.port.send(headPost(), 1, undefined);
  discord.world.remove(id);
  const reply = post(text('one'), { incident: 12, role: 'reply' });
  expect((await problem(platform.port.send(reply, 2, id))).kind).toBe('gone');
});

it('sends as plain text what Discord finds fault with, once; then it is given up', async () => {
  const { discord, platform } = await bench();
  const how: Misbehaviour = { kind: 'error', status: 400, code: 50035, message: 'Invalid Form Body' };
  discord.misbehave({ method: 'POST', times: 1, how });
  const note = post(text('hello @everyone'));
  const id = await platform.port.send(note, 5, undefined);
  const shown = discord.world.messages.get(id);
  expect(shown?.body.content).toContain('```\nhello @everyone\n```');
  expect(shown?.body.allowed_mentions).toEqual({ parse: [] });
  expect(await platform.port.find(note, 5, undefined)).toBe(id);
  discord.behave();
  discord.misbehave({ method: 'POST', how });
  expect((await problem(platform.port.send(note, 6, undefined))).kind).toBe('never');
});

it('mentions whom the config names, exactly those, and says who cannot be reached', async () => {
  const { discord, platform, health } = await bench();
  const role = discord.world.addRole('oncall');
  const send = async (mentions: string[]) => {
    const id = await platform.port.send(post({ ...text('<@1> @everyone'), mentions }), 1, undefined);
    return discord.world.messages.get(id)?.body;
  };
  expect(await send(['ada', '@oncall', 'ada'])).toMatchObject({
    content: `<@42> <@&${role}>`,
    allowed_mentions: { parse: [], users: ['42'], roles: [role] },
  });
  expect(health.get('mentions')?.state).toBe('ok');
  expect(await send(['ben'])).toMatchObject({
    content: 'ben',
    allowed_mentions: { parse: [], users: [], roles: [] },
  });
  expect(health.get('mentions')?.mend).toContain('people: { ben: { discord:');
  expect(await send(['@everyone'])).toMatchObject({ content: '\\@everyone' });
  expect(health.get('mentions')?.mend).toContain('a role named exactly "everyone"');
  expect(discord.calls.filter((call) => call.endsWith('/roles'))).toHaveLength(1);
  expect(await send([])).toMatchObject({ content: '', allowed_mentions: { parse: [] } });
});

it('pins, and says which right is missing without failing', async () => {
  const { discord, platform, health } = await bench();
  const id = await platform.port.send(post(text('board')), 1, undefined);
  await platform.port.pin?.(id);
  expect(discord.world.messages.get(id)?.pinned).toBe(true);
  discord.world.deny('PinMessages');
  await platform.port.pin?.(id);
  expect(health.get('pin')).toMatchObject({
    state: 'degraded',
    mend: expect.stringContaining('Pin Messages'),
  });
});

it('reads a refused token again by itself', async () => {
  const { discord, platform } = await bench({ token: { env: 'DISCORD_TEST_TOKEN' } });
  discord.revoke('the new one');
  const note = post(text('hello'));
  expect((await problem(platform.port.send(note, 1, undefined))).kind).toBe('blocked');
  process.env['DISCORD_TEST_TOKEN'] = 'the new one';
  try {
    await platform.port.send(note, 1, undefined);
  } finally {
    delete process.env['DISCORD_TEST_TOKEN'];
  }
  expect(discord.world.shown()).toHaveLength(1);
});

it('takes files of an older version away with an edit', async () => {
  const { discord, platform } = await bench();
  const long = post(text('word '.repeat(3000)));
  const id = await platform.port.send(long, 1, undefined);
  expect(discord.world.messages.get(id)?.files).toHaveLength(1);
  await platform.port.edit(id, { ...long, json: JSON.stringify(text('short')) }, 2, undefined);
  expect(discord.world.messages.get(id)?.files).toEqual([]);
});
