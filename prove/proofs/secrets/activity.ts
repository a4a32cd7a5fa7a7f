import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from '../../../lab/index.ts';
import type { Bot } from '../../bot.ts';
import { type Act, eventually } from '../../proof.ts';
import { beatFile } from './config.ts';
import { addStore, type Outputs } from './outputs.ts';
import { carelessForms, carelessPeople, type Discord, type Slack, wrongKeys } from './people.ts';
import type { Plants } from './plants.ts';
import { WATCHED } from './processes.ts';
import { twoAtATime, warroom } from './terminal.ts';

const LOOKS = [
  `host ${WATCHED} processes`,
  `host ${WATCHED}`,
  'varnish edge urls',
  'varnish edge misses',
  'varnish edge top ReqURL',
  'varnish edge top FetchError',
  'varnish edge agents',
  'uwsgi app requests',
  'uwsgi app workers',
  'haproxy balancer',
] as const;

export interface Scene {
  readonly slack: Slack;
  readonly discord: Discord;
  readonly plants: Plants;
  readonly outputs: Outputs;
  readonly config: string;
  readonly env: NodeJS.ProcessEnv;
  /** An operator's. */
  readonly token: string;
}

/** A fault, live looks, wrong keys, an approved fix, reloads, a crash: everything that could carry a secret out. */
export async function activity(act: Act, lab: Lab, bot: Bot, scene: Scene): Promise<void> {
  const { slack, discord, plants, outputs, config, token, env } = scene;
  await lab.fault('no-redirect-cache', true);
  act.say('fault on');
  const link = await warroom(['link', plants.control, '--config', config], env);
  await wrongKeys({ url: bot.url, token }, /http:\S+#\S+/.exec(link)?.[0] ?? bot.url, plants, outputs);
  await carelessPeople(slack, discord, { url: bot.url, token }, plants, outputs);
  platformsEcho(slack, discord);
  const opened = await eventually('a thread', async () => (await bot.incidents('open'))[0], 60_000);
  act.say(`#${opened.id} ${opened.title}`);
  await eventually(
    'its head on both platforms',
    () =>
      [slack, discord].every((stage) => stage.cards().some((card) => card.buttons.includes('Silence'))) ||
      undefined,
    30_000,
  );
  await carelessForms(slack, discord, plants, outputs);
  for (const look of LOOKS) {
    outputs.add(
      'console API: looks',
      JSON.stringify(await bot.post('/api/commands', { text: look }, 'otto')),
    );
    if (look.startsWith('host') || look.includes('urls')) {
      outputs.add('Slack ephemeral answers: looks', await slack.command('ada', look));
      outputs.add('Discord ephemeral answers: looks', await discord.command('ada', look));
    }
  }
  // A redirect whose Location holds a token must not get into a plan.
  for (const form of ['synth', 'ttl']) {
    const text = `fix cache-rule service=edge form=${form} urls=/moved/1,/moved/2 incident=${opened.id}`;
    outputs.add('console API: fix', JSON.stringify(await bot.post('/api/commands', { text }, 'otto')));
  }
  const at = ['--config', config];
  const commands = [
    ['check', '--json', '--sample', '3s', ...at],
    ['diagnose', '--json', '--sample', '5s', ...at],
    ['doctor', ...at],
    ['launch', ...at, 'status'],
    ['launch', ...at, '--json', 'host', WATCHED, 'processes'],
    ['launch', ...at, 'timeline', opened.id],
    ['audit', 'verify', ...at],
  ];
  await twoAtATime(commands, async (args) => {
    const name = args.filter((word) => word !== '--config' && word !== config).join(' ');
    outputs.add(`terminal: ${name}`, await warroom(args, env));
  });
  act.say('looked at everything, on every face');

  writeFileSync(
    beatFile(lab),
    plants.plant('heartbeat without http://', (m) => `beat.example.invalid/${m}`),
  );
  outputs.add('terminal: reload', await warroom(['reload', ...at], env));
  const proposal = await eventually(
    'a proposal',
    async () =>
      (await bot.incident(opened.id)).proposals.find(
        (one) => one.state === 'pending' && one.remediation === 'cache-rule',
      ),
    60_000,
    500,
  );
  outputs.add('console API: approve', JSON.stringify(await bot.approve(proposal, 'ada')));
  const done = await eventually(
    'the end of the fix',
    async () => {
      const now = await bot.proposal(proposal.id);
      return ['kept', 'reverted', 'needs-human', 'failed'].includes(now.state) ? now : undefined;
    },
    120_000,
    500,
  );
  act.say(`${done.id} ${done.remediation} is ${done.state}`);
  await sweep(bot, outputs, opened.id);
  await bot.kill('SIGKILL');
  addStore(outputs, join(lab.root, 'data'));
  await bot.start();
  await eventually('the platforms again', () => slack.connected() || undefined, 40_000);
  outputs.add('terminal: launch after the crash', await warroom(['launch', ...at, 'status'], env));
  await sweep(bot, outputs, opened.id);
}

/** Everything that a program may read of the API. */
async function sweep(bot: Bot, outputs: Outputs, incident: string): Promise<void> {
  for (const path of [
    'status',
    'incidents',
    `incidents/${incident}`,
    'notes',
    'me',
    'complete?text=why%20',
    'health',
  ])
    outputs.add(`console API: ${path}`, JSON.stringify(await bot.get(`/api/${path}`)));
}

/** Each platform refuses one call, and quotes the token while it does. */
function platformsEcho(slack: Slack, discord: Discord): void {
  const { botToken } = slack.standIn.world;
  const error = `Bearer ${botToken} is not liked`;
  slack.standIn.rules.add({ method: 'chat.update', misdeed: { kind: 'error', error }, times: 3 });
  const message = `Bot ${discord.standIn.token} is not liked`;
  const how = { kind: 'error', status: 400, code: 50_035, message } as const;
  discord.standIn.misbehave({ method: 'PATCH', path: /messages/, times: 3, how });
}
