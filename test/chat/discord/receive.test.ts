import { expect, it } from 'vitest';
import { pack } from '../../../src/bot/chat/contract.ts';
import { type bench, connected, post, text, until } from './bench.ts';
import type { DiscordStandIn } from './stand-in/stand-in.ts';
import { PERMISSIONS } from './stand-in/world.ts';

const HASH = 'a'.repeat(64);

async function card(
  discord: DiscordStandIn,
  platform: Awaited<ReturnType<typeof bench>>['platform'],
): Promise<string> {
  const actions = [
    { kind: 'approve', id: '12-A', planHash: HASH, label: 'Approve', style: 'primary' },
    { kind: 'silence', id: '12', label: 'Silence', style: 'plain' },
  ] as const;
  const message = { blocks: [...text('a card').blocks, { kind: 'actions', actions } as const] };
  const id = await platform.port.send(post(message), 1, undefined);
  expect(discord.world.messages.get(id)?.body.components).toHaveLength(1);
  return id;
}

it('puts a press to the desk with ids only, and answers the presser alone', async () => {
  const { discord, platform, desk } = await connected();
  const answer = await discord.press('42', await card(discord, platform), 'Approve');
  expect(desk.asked).toEqual(['press approve 12-A by 42']);
  expect(answer).toMatchObject({ type: 5, ephemeral: true, text: 'done' });
});

it('opens a form at once, sends what was written, and offers it again where something is wrong', async () => {
  const { discord, platform, desk } = await connected();
  const opened = await discord.press('42', await card(discord, platform), 'Silence');
  expect(opened.type).toBe(9);
  expect(opened.modal?.components[1]?.component).toMatchObject({ value: 'load test' });
  desk.problems = { reason: 'a reason has at least 3 words' };
  const wrong = await discord.submit(opened, { time: '15m', reason: 'well' });
  expect(wrong).toMatchObject({ type: 4, ephemeral: true });
  expect(wrong.text).toContain('Why\\: a reason has at least 3 words');
  const again = await discord.press('42', wrong.message ?? '', 'Open it again');
  expect(again.modal?.components.map((label) => label.component?.value ?? label.component?.options)).toEqual([
    [{ value: '15m', label: '15 min', default: true }],
    'well',
  ]);
  desk.problems = {};
  const sent = await discord.submit(again, { reason: 'well thought out' });
  expect(desk.asked.at(-1)).toBe('submit silence:12 {"time":"15m","reason":"well thought out"} by 42');
  expect(sent).toMatchObject({ type: 5, text: 'done' });
});

it('answers instead of a form where there is none to show', async () => {
  const { discord, platform, desk } = await connected();
  desk.opened = text('You may not silence.');
  const answer = await discord.press('42', await card(discord, platform), 'Silence');
  expect(answer).toMatchObject({ ephemeral: true, text: 'You may not silence\\.' });
});

it('says so to buttons and forms that it does not know', async () => {
  const { discord, desk } = await connected();
  for (const id of ['approve:12-A:evil', 'x', 'reopen:long-ago']) {
    const answer = await discord.pressRaw('42', id);
    expect(answer).toMatchObject({ type: 4, ephemeral: true });
    expect(answer.text).toMatch(/not known any more|out of date/);
  }
  expect(desk.asked).toEqual([]);
});

it('does a delivery that comes three times once', async () => {
  const { discord, desk } = await connected();
  const answer = await discord.pressRaw('42', pack({ kind: 'approve', id: '12-A', planHash: HASH }), {
    times: 3,
  });
  await discord.command('42', 'status');
  expect(desk.asked).toEqual(['press approve 12-A by 42', 'launch status by 42 member']);
  expect(answer.refused).toEqual([]);
});

it('does nothing for what is too old to be answered', async () => {
  const { discord, desk, logged } = await connected();
  const answer = await discord.command('42', 'status', {}, { ageMs: 4_000, timeoutMs: 200 });
  expect(answer.acknowledgedMs).toBeUndefined();
  expect(desk.asked).toEqual([]);
  expect(logged.join('')).toContain('too old');
});

it('is not misled by a clock of its own that is a minute ahead', async () => {
  const { discord, desk } = await connected({ now: () => Date.now() + 60_000 });
  expect((await discord.command('42', 'status')).text).toBe('done');
  expect(desk.asked).toHaveLength(1);
});

it('does nothing when the acknowledgement is refused, and once when only its answer was lost', async () => {
  const { discord, desk } = await connected();
  discord.misbehave({
    ...{ path: /callback$/, times: 1 },
    how: { kind: 'error', status: 404, code: 10062, message: 'Unknown interaction' },
  });
  await discord.command('42', 'status', {}, { timeoutMs: 200 });
  expect(desk.asked).toEqual([]);
  discord.behave();
  discord.misbehave({ path: /callback$/, times: 1, how: { kind: 'reset-after' } });
  const answer = await discord.command('42', 'status');
  expect(answer.refused).toEqual([40060]);
  expect(answer.text).toBe('done');
  expect(desk.asked).toHaveLength(1);
});

it('answers through limits and outages that pass', async () => {
  const { discord } = await connected();
  discord.misbehave({ path: /original$/, times: 1, how: { kind: 'rate-limit', seconds: 0.1 } });
  discord.misbehave({ path: /original$/, times: 1, how: { kind: 'status', status: 502 } });
  expect((await discord.command('42', 'status')).text).toBe('done');
});

it('says "still looking", and then the answer', async () => {
  const { discord, desk } = await connected();
  let release: (() => void) | undefined;
  desk.gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const answer = await discord.command('42', 'status');
  expect(answer.text).toBe('Still looking\\.');
  expect(answer.answeredMs).toBeLessThan(10_000);
  release?.();
  expect(await answer.until((one) => one.text === 'done')).toBe(true);
});

it('takes so much at once, and says that it is busy', async () => {
  const { discord, desk } = await connected();
  let release: (() => void) | undefined;
  desk.gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const asked = Array.from({ length: 60 }, () => discord.command('42', 'status'));
  await until(() => discord.calls.filter((call) => call.endsWith('/callback')).length === 60);
  expect(desk.asked).toHaveLength(8);
  release?.();
  const answers = await Promise.all(asked);
  const busy = answers.filter((one) => one.text.startsWith('Busy'));
  expect(busy.length).toBe(60 - 48);
  expect(
    await Promise.all(
      answers.filter((one) => !busy.includes(one)).map((one) => one.until((it) => it.text === 'done')),
    ),
  ).not.toContain(false);
});

it('waits at the stop for what is in hand', async () => {
  const { discord, desk, platform } = await connected();
  let release: (() => void) | undefined;
  desk.gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const answer = discord.command('42', 'status');
  await until(() => desk.asked.length === 1);
  const stopped = platform.stop();
  release?.();
  await stopped;
  expect((await answer).text).toBe('done');
});

it('tells strangers, guests and bots apart, and leaves the refusal to the desk', async () => {
  const { discord, desk } = await connected();
  discord.world.addMember({ id: '50', username: 'robot', bot: true });
  discord.world.addMember({ id: '51', username: 'newcomer' }, { pending: true });
  discord.world.addMember({ id: '52', username: 'visitor' }, { flags: 1 << 4 });
  discord.world.addMember({ id: '53', username: 'deleted_user_0123abcd' });
  for (const user of ['50', '51', '52', '53', '99']) await discord.command(user, 'status');
  expect(desk.asked.map((one) => one.split(' by ')[1])).toEqual([
    ...['50 bot', '51 guest', '52 guest', '53 deleted', '99 stranger'],
  ]);
});

it('answers no other server and no direct message', async () => {
  const { discord, desk } = await connected();
  for (const guild of ['123', null]) {
    const answer = await discord.command('42', 'status', {}, { guild });
    expect(answer.text).toMatch(/own server only/);
  }
  expect(desk.asked).toEqual([]);
});

it('says what went wrong when the desk fails', async () => {
  const { discord, desk } = await connected();
  desk.gate = Promise.reject(new Error('it burns @everyone'));
  desk.gate.catch(() => undefined);
  const answer = await discord.command('42', 'status');
  expect(answer.text).toContain('it burns \\@everyone');
});

it('from another channel takes those as members who may see the launch channel', async () => {
  const { discord, desk } = await connected();
  const { world } = discord;
  const view = String(PERMISSIONS.ViewChannel);
  const crew = world.addRole('crew');
  world.addMember({ id: '60', username: 'crew' }, { roles: [crew] });
  world.addMember({ id: '61', username: 'named' });
  world.addMember({ id: '62', username: 'outside' });
  world.overwrites = [
    { id: world.guild, type: 0, allow: '0', deny: view },
    { id: crew, type: 0, allow: view, deny: '0' },
    { id: '61', type: 1, allow: view, deny: '0' },
  ];
  const elsewhere = { channel: world.otherChannel };
  for (const id of ['60', '61', '62']) await discord.command(id, 'status', {}, elsewhere);
  expect(desk.asked).toEqual([
    'launch status by 60 member',
    'launch status by 61 member',
    'launch status by 62 stranger',
  ]);
  // In the channel itself nothing is asked.
  await discord.command('62', 'status');
  expect(desk.asked.at(-1)).toBe('launch status by 62 member');
  expect(discord.calls.filter((call) => call === `GET /guilds/${world.guild}/roles`)).toHaveLength(1);
});

it('vouches for nobody from another channel while Discord does not say who may see the launch channel', async () => {
  const { discord, desk } = await connected();
  discord.misbehave({ method: 'GET', path: /roles$/, times: 1, how: { kind: 'status', status: 500 } });
  const elsewhere = { channel: discord.world.otherChannel };
  await discord.command('42', 'status', {}, elsewhere);
  await discord.command('42', 'status', {}, elsewhere);
  expect(desk.asked).toEqual(['launch status by 42 unverified', 'launch status by 42 member']);
});
