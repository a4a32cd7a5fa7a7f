import { join } from 'node:path';
import { botFor } from '../bot.ts';
import { discordStage } from '../chat/discord-stage.ts';
import { slackStage } from '../chat/slack-stage.ts';
import { warmLab } from '../lab.ts';
import { type Act, eventually, type Proof } from '../proof.ts';
import { activity } from './secrets/activity.ts';
import { carelessConfig, tokensOf } from './secrets/config.ts';
import { echoServer } from './secrets/echo.ts';
import { addDiscord, addSlack, addStore, Outputs, Stream } from './secrets/outputs.ts';
import { Plants } from './secrets/plants.ts';
import { carelessProcesses, endProcesses, ProcessList } from './secrets/processes.ts';
import { refusedConfigs } from './secrets/refused.ts';
import { carelessShop, carelessVisitors } from './secrets/site.ts';

const LEAST = 50;
/** That these are there, blank, shows that what was planted came as far as the output. */
const SHOWN: readonly (readonly [kind: string, what: string, words: RegExp])[] = [
  ['console API', 'a hot URL', /\/moved\/\d"/],
  ['console API', 'a session id in a path', /\/cart;…/],
  ['console API', 'a URL with user info', /"\/cart"/],
  ['Slack ephemeral answers', 'flags of processes', /--token …/],
  ['Discord ephemeral answers', 'flags of processes', /-a …|--token …/],
  ['terminal', 'a password in a URL', /mysql:\/\/shop:…@db1/],
  ['terminal', 'the hot process', /nightly-report [^"]*--password=…/],
  ['Slack posts', 'a mark', /deploy token=…/],
  ['log', "the config's own", /includes credentials: «secret»/],
  ['store rows: outbox', 'a token that a platform echoed', /«secret» is not liked/],
  ['store rows: audit', "a stranger's command", /password=…/],
];
/** Secrets planted wherever a config, a site, a process or a person may hold one: none is in any output, ever. */
export const secrets: Proof = {
  name: 'secrets',
  shows:
    'more than 50 planted secrets: none in a chat, an API answer, the log, the store, a terminal, a process list',
  seconds: 475,
  run: async (act) => {
    const plants = new Plants();
    const outputs = new Outputs();
    const lab = await warmLab(act);
    const echo = await echoServer();
    act.after(() => echo.stop());
    const processes = new ProcessList();
    act.after(() => processes.stop());
    await carelessShop(lab, plants);
    act.after(carelessVisitors(lab, plants));
    act.after(() => endProcesses(lab));
    await carelessProcesses(lab, plants);
    const slack = await slackStage();
    act.after(() => slack.stop());
    const discord = await discordStage();
    act.after(() => discord.stop());
    const { config, env } = carelessConfig(lab, plants, slack, discord, echo);

    const chats = { slackApi: slack.standIn.api, discordApi: discord.standIn.api };
    for (const { where, text } of await refusedConfigs(lab, plants, chats, echo)) outputs.add(where, text);
    act.say('refused and failing configs were tried');

    const bot = await botFor(act, lab.root, config, env);
    const token = tokensOf(lab)['otto'] as string;
    const stream = new Stream(`${bot.url}/api/stream`, tokensOf(lab)['ada'] as string);
    act.after(() => stream.stop());
    await eventually('both platforms', () => (slack.connected() && discord.connected()) || undefined, 40_000);
    await activity(act, lab, bot, { slack, discord, plants, outputs, config, token, env });

    await bot.kill('SIGTERM');
    outputs.add('log', bot.log());
    outputs.add('event stream', stream.text);
    addSlack(outputs, slack.standIn);
    addDiscord(outputs, discord.standIn);
    addStore(outputs, join(lab.root, 'data'));
    outputs.add('process list: not planted', processes.text(plants));
    outputs.add('process list: of the config', processes.text(plants));
    judge(act, plants, outputs, processes);
    act.check('the server that echoes was asked', echo.calls() >= 5, `${echo.calls()} calls`);
  },
};

function judge(act: Act, plants: Plants, outputs: Outputs, processes: ProcessList): void {
  act.say(`planted: ${plants.kinds.join(' · ')}`);
  act.check(`at least ${LEAST} secrets were planted`, plants.kinds.length >= LEAST, `${plants.kinds.length}`);
  const leaks = outputs.leaks(plants);
  for (const leak of leaks) act.check(`${leak.kind} is not in ${leak.where}`, false, leak.excerpt);
  act.check('none of them is in any output', leaks.length === 0, `${leaks.length} found`);
  const kinds = outputs.kinds(plants);
  const blind = [...kinds].filter(([, found]) => !found).map(([kind]) => kind);
  for (const kind of [
    'Slack posts',
    'Slack notification texts',
    'Slack ephemeral answers',
    'Slack calls',
    'Discord posts',
    'Discord ephemeral answers',
    'console API',
    'event stream',
    'log',
    'store bytes',
    'store rows',
    'terminal',
    'process list',
  ])
    act.check(`what may be shown is found: ${kind}`, kinds.get(kind) === true);
  act.say(`kinds of output without it: ${blind.join(', ') || 'none'}`);
  for (const [kind, what, words] of SHOWN)
    act.check(`shown without its secret, ${kind}: ${what}`, outputs.shows(kind, words));
  const seen = plants.leaks('the planted processes themselves', processes.planted(plants));
  act.check(
    'the process list was read: the planted processes are in it',
    seen.length >= 8,
    `${seen.length} of theirs`,
  );
  act.figure('secrets', plants.kinds.length);
  act.figure('kinds of output', kinds.size);
  act.figure('searched', `${(outputs.bytes / 1e6).toFixed(1)} MB`);
  act.figure('process list looked at', `${processes.samples} times`);
  act.figure('leaks', leaks.length);
}
