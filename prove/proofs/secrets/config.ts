import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { keyFile } from '../../../lab/accounts.ts';
import { hostDir } from '../../../lab/host.ts';
import type { Lab } from '../../../lab/index.ts';
import { withChat } from '../../chat/stage.ts';
import type { Echo } from './echo.ts';
import type { Discord, Slack } from './people.ts';
import type { Plants } from './plants.ts';

/** A config whose every secret is known, from each kind of source; some of them belong to what does not work. */
export function carelessConfig(
  lab: Lab,
  plants: Plants,
  slack: Slack,
  discord: Discord,
  echo: Echo,
): { config: string; env: NodeJS.ProcessEnv } {
  const folder = join(lab.root, 'planted');
  mkdirSync(folder, { mode: 0o700 });
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return { file: join(folder, name) };
  };
  // It stays a moment, so that the process list can be seen to show such helpers.
  const command = (name: string, text: string) => ({
    command: ['sh', '-c', 'sleep 0.4; cat "$0"', file(name, text).file, plants.control],
  });
  slack.standIn.world.botToken = plants.plant('Slack bot token, {env}', (m) => `xoxb-1111-2222-${m}`);
  slack.standIn.world.appToken = plants.plant('Slack app token, {file}', (m) => `xapp-1-A0WARROOM-3333-${m}`);
  discord.standIn.token = plants.plant('Discord token, {command}', (m) => `${m}.Gabcde.${m}`);
  const settings = {
    slack: {
      ...slack.settings,
      botToken: { env: 'PROVE_SLACK_BOT_TOKEN' },
      appToken: file('slack-app', slack.standIn.world.appToken),
      signingSecret: command('slack-signing', plants.plant('Slack signing secret, {command}')),
    },
    discord: { ...discord.settings, token: command('discord', discord.standIn.token) },
  };
  const beat = plants.plant('heartbeat, answered 500 with an echo', (m) => `${echo.url}/beat/${m}?key=${m}`);
  writeFileSync(beatFile(lab), beat, { mode: 0o600 });
  const webhooks = [
    file(
      'hook-1',
      plants.plant('webhook, answered 500 with an echo', (m) => `${echo.url}/hook/${m}?token=${m}`),
    ),
    { env: 'PROVE_HOOK' },
    command(
      'hook-3',
      plants.plant('webhook with user and password', (m) => `http://ada:${m}@127.0.0.1:1/x`),
    ),
  ];
  const config = withChat(
    lab.root,
    [
      { ...slack, settings: settings.slack },
      { ...discord, settings: settings.discord },
    ],
    {
      heartbeat: { file: beatFile(lab) },
      escalate: webhooks.map((webhook, i) => ({ after: `${5 + i}s`, webhook })),
    },
  );
  const whole = parse(readFileSync(config, 'utf8')) as {
    launch: { name: string };
    people: Record<string, object>;
  };
  whole.launch.name += ` ${plants.control}`;
  whole.people[plants.control] = { terminal: userInfo().username, may: ['see', 'operate', 'approve'] };
  writeFileSync(config, stringify(whole, { lineWidth: 0 }));

  for (const [name, value] of Object.entries(tokensOf(lab))) plants.know(`console token of ${name}`, value);
  for (const user of ['warroom', 'warroom-act'])
    plants.know(`SSH key of ${user}`, readFileSync(keyFile(lab.root, user), 'utf8').split('\n')[4] ?? '');
  plants.know(
    "Varnish's own secret",
    readFileSync(join(hostDir(lab.root, 'web1'), 'varnish', 'secret'), 'utf8').trim(),
  );
  return {
    config,
    env: {
      PROVE_SLACK_BOT_TOKEN: slack.standIn.world.botToken,
      PROVE_HOOK: plants.plant('webhook that cannot be resolved, {env}', (m) => `https://hook.invalid/${m}`),
      WARROOM_LOG: 'trace',
    },
  };
}

export function beatFile(lab: Lab): string {
  return join(lab.root, 'planted', 'heartbeat');
}

export function tokensOf(lab: Lab): Record<string, string> {
  return JSON.parse(readFileSync(join(lab.root, 'tokens.json'), 'utf8')) as Record<string, string>;
}
