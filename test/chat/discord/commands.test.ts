import { expect, it } from 'vitest';
import type { CommandShape } from '../../../src/bot/chat/contract.ts';
import { grammarOf, isRegistered } from '../../../src/bot/discord/commands.ts';
import { bench, connected, text, until } from './bench.ts';
import { commandErrors } from './stand-in/validate.ts';
import type { Option } from './stand-in/world.ts';

it('runs a sub-command as text of the one grammar, acknowledges first, answers to the asker alone', async () => {
  const { discord, desk } = await connected();
  const answer = await discord.command('42', 'silence', {
    scope: 'host.load@web1',
    time: '30m',
    reason: 'a load test',
    force: true,
  });
  expect(desk.asked).toEqual(['launch silence --force host.load@web1 30m a load test by 42 member']);
  expect(answer).toMatchObject({ type: 5, ephemeral: true, text: 'done' });
  expect(answer.acknowledgedMs).toBeLessThan(2_500);
  expect(discord.world.shown()).toEqual([]);
});

it('offers --here everywhere, and leaves to the desk what it means', async () => {
  const { discord, desk } = await connected();
  await discord.command('42', 'status', { here: true });
  expect(desk.asked).toEqual(['launch status --here by 42 member']);
});

it('completes the word in focus, without flags', async () => {
  const { discord, desk } = await connected();
  expect(await discord.autocomplete('42', 'why', { incident: '1' }, 'incident')).toEqual(['12', '13']);
  expect(await discord.autocomplete('42', 'silence', { scope: 'all', time: '1' }, 'time')).toEqual([
    '12',
    '13',
  ]);
  expect(await discord.autocomplete('42', 'run', { text: 'why 1' }, 'text')).toEqual(['why 12', 'why 13']);
  expect(desk.asked).toEqual(['complete why 1', 'complete silence all 1', 'complete why 1']);
});

it('runs any text, and opens a form without one', async () => {
  const { discord, desk } = await connected();
  await discord.command('42', 'run', { text: 'why 12' });
  const form = await discord.command('42', 'run');
  expect(desk.asked).toEqual(['launch why 12 by 42 member', 'form launch']);
  expect(form.modal).toMatchObject({ custom_id: 'silence:12', title: 'Silence #12' });
});

it('registers once, and anew only when the grammar changed', async () => {
  const { discord, desk, platform, health } = await connected();
  expect(discord.world.registrations).toBe(1);
  discord.gateway.invalidate(false);
  await until(
    () =>
      discord.gateway.identifies === 2 &&
      discord.calls.filter((call) => /GET .*commands/.test(call)).length === 2,
  );
  expect(discord.world.registrations).toBe(1);
  desk.shapes = [...desk.shapes, { name: 'mark', summary: 'A mark', arguments: [], flags: [] }];
  discord.gateway.invalidate(false);
  await until(() => discord.world.registrations === 2);
  expect(discord.world.commands[0]?.options?.map((one) => one.name)).toContain('mark');
  await platform.stop();
  expect(health.get('commands')).toMatchObject({ state: 'ok' });
});

it('says what to do when it may not register', async () => {
  const { platform, health } = await bench({
    prepare: (discord) => {
      discord.world.commandsScope = false;
    },
  });
  await platform.start();
  await until(() => health.get('commands')?.state === 'degraded');
  expect(health.get('commands')?.mend).toMatch(/applications\.commands.*oauth2\/authorize\?client_id=77/);
});

it('fits the limits of Discord with any number of commands; the rest is reached through run', () => {
  const many = Array.from({ length: 60 }, (_, i): CommandShape => {
    const argument = { kind: 'word', completes: true, about: 'x'.repeat(200) } as const;
    return {
      name: `Command ${i}`,
      summary: 'y'.repeat(300),
      arguments: Array.from({ length: 30 }, (_, j) => ({
        ...argument,
        name: `Word ${j}`,
        required: j % 3 === 2,
      })),
      flags: [],
    };
  });
  for (const count of [0, 1, 24, 25, 60]) {
    const { definition, run } = grammarOf(many.slice(0, count));
    expect(commandErrors([definition as unknown as Option])).toEqual([]);
    expect(definition.options?.at(-1)?.name).toBe(run);
  }
  const small = many.map((shape) => ({ ...shape, summary: 'short', arguments: [] }));
  expect(grammarOf(small).definition.options).toHaveLength(25);
});

it('knows its own definition again as Discord gives it back', () => {
  const { definition } = grammarOf([{ name: 'status', summary: 'x', arguments: [], flags: [] }]);
  const stored = JSON.parse(
    JSON.stringify({ ...definition, id: '1', version: '2', nsfw: false }, (key, value) =>
      value === false && key !== 'nsfw' ? undefined : value,
    ),
  );
  expect(isRegistered([stored], definition)).toBe(true);
  expect(isRegistered([{ ...stored, description: 'other' }], definition)).toBe(false);
  expect(isRegistered([stored, stored], definition)).toBe(false);
});

it('gives what does not fit as a file', async () => {
  const { discord, desk } = await connected();
  desk.answer = text('word '.repeat(3000));
  const answer = await discord.command('42', 'status');
  expect(answer.message?.body.embeds?.[0]?.description).toMatch(/attached file/);
  expect(answer.message?.files[0]?.text).toContain('word '.repeat(2900));
});
