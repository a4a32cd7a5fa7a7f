import { pino } from 'pino';
import { afterEach, expect, it } from 'vitest';
// Loaded for what it does to the process: its own undici becomes the process-wide dispatcher.
import '../../src/bot/slack/index.ts';
import { DiscordRest } from '../../src/bot/discord/rest.ts';
import { Secret } from '../../src/config/secret.ts';
import { DiscordStandIn } from './discord/stand-in/stand-in.ts';

const discord = new DiscordStandIn();
afterEach(() => discord.stop());

it('sends files to Discord while Slack’s library is in the same process', async () => {
  await discord.start();
  const { guild, channel } = discord.world;
  const settings = { guild, channel, api: discord.api, token: { env: 'UNUSED' } };
  const rest = new DiscordRest(settings, new Secret(discord.token), pino({ level: 'silent' }));
  await rest.post(`/channels/${channel}/messages`, {
    body: { content: 'with a file', attachments: [{ id: '0', filename: 'whole.txt' }] },
    file: { name: 'whole.txt', text: 'all of it' },
  });
  expect(discord.world.shown()[0]?.files).toEqual([{ name: 'whole.txt', text: 'all of it' }]);
});
