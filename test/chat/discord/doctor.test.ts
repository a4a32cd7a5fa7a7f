import { expect, it } from 'vitest';
import { examineDiscord } from '../../../src/bot/discord/index.ts';
import { Secret } from '../../../src/config/secret.ts';
import { bench, connected } from './bench.ts';

it('finds everything in order', async () => {
  const { settings, discord } = await connected();
  const findings = await examineDiscord(settings, new Secret(discord.token));
  expect(findings.filter((one) => one.state !== 'ok')).toEqual([]);
  expect(findings.map((one) => one.about)).toEqual([
    ...['token', 'sessions', 'server', 'commands', 'channel', 'View Channel', 'Send Messages'],
    ...['Create Public Threads', 'Send Messages in Threads', 'Embed Links', 'Attach Files'],
    ...['Read Message History', 'Pin Messages'],
  ]);
});

it('names each missing thing with its mend', async () => {
  const { settings, discord } = await bench();
  discord.world.deny('PinMessages');
  discord.world.deny('SendMessagesInThreads');
  discord.sessions = { ...discord.sessions, remaining: 3 };
  const findings = await examineDiscord(settings, new Secret(discord.token));
  const wanting = findings.filter((one) => one.state !== 'ok');
  expect(wanting.map((one) => one.about)).toEqual([
    'sessions',
    'commands',
    'Send Messages in Threads',
    'Pin Messages',
  ]);
  for (const one of wanting) expect(one.mend).toBeTruthy();
  const [refused, ...rest] = await examineDiscord(settings, new Secret('wrong'));
  expect(rest).toEqual([]);
  expect(refused).toMatchObject({
    state: 'wrong',
    about: 'token',
    mend: expect.stringContaining('Reset Token'),
  });
  const elsewhere = await examineDiscord({ ...settings, guild: '1' }, new Secret(discord.token));
  expect(elsewhere.at(-1)).toMatchObject({
    about: 'server',
    mend: expect.stringContaining('oauth2/authorize'),
  });
  discord.world.removeChannel(settings.channel);
  const gone = await examineDiscord(settings, new Secret(discord.token));
  expect(gone.at(-1)).toMatchObject({ about: 'channel', mend: expect.stringContaining('Copy Channel ID') });
});
