import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { examineSlack } from '../../../src/bot/slack/index.ts';
import { BOT_SCOPES } from '../../../src/bot/slack/scopes.ts';
import type { Slack } from '../../../src/config/schema.ts';
import { Secret } from '../../../src/config/secret.ts';
import { LAUNCH, SlackStandIn } from './stand-in/index.ts';
import { until } from './support.ts';

let slack: SlackStandIn;
beforeEach(async () => {
  slack = await new SlackStandIn().start();
});
afterEach(() => slack.stop());

function examine(more: Partial<Slack> = {}, signingSecret?: Secret) {
  const settings: Slack = {
    ...{
      channel: LAUNCH,
      botToken: { env: 'UNUSED' },
      mode: 'socket',
      listen: '127.0.0.1:0',
      api: slack.api,
    },
    ...more,
  };
  const secrets = {
    botToken: new Secret('xoxb-1111-2222-stand-in-bot'),
    appToken: new Secret(slack.world.appToken),
  };
  return examineSlack(settings, { ...secrets, signingSecret });
}
const wrong = async (more: Partial<Slack> = {}) =>
  (await examine(more)).filter(({ state }) => state !== 'ok');

it('finds nothing wrong where nothing is, and leaves no socket behind', async () => {
  expect(await wrong()).toEqual([]);
  expect((await examine()).map(({ about }) => about)).toEqual([
    'slack bot token',
    'slack scopes',
    'slack channel',
    'slack app-level token',
    'slack socket',
  ]);
  await until('no socket', () => slack.link.sockets === 0);
});

it('says how to mend a token', async () => {
  slack.world.botTokenProblem = 'token_revoked';
  slack.world.appTokenProblem = 'invalid_auth';
  const findings = await wrong();
  expect(findings.map(({ about }) => about)).toEqual(['slack bot token', 'slack app-level token']);
  expect(findings[0]?.mend).toContain('Reinstall to Workspace');
  expect(findings[1]).toMatchObject({ what: 'Slack refuses it (invalid_auth)' });
  expect(findings[1]?.mend).toContain('connections:write');
});

it('names each scope that is missing', async () => {
  slack.world.scopes.delete('pins:write');
  slack.world.scopes.delete('users:read');
  expect((await wrong()).map(({ mend }) => mend)).toEqual(
    ['users:read', 'pins:write'].map((scope) => expect.stringContaining(`add the bot scope ${scope}`)),
  );
});

it('says how to get into the channel', async () => {
  slack.world.launch.members.delete(slack.world.bot.user);
  expect(await wrong()).toMatchObject([{ state: 'missing', mend: 'In Slack, in #launch: /invite @warroom' }]);
  slack.world.launch.archived = true;
  expect(await wrong()).toMatchObject([{ state: 'wrong', what: '#launch is archived' }]);
  expect(await wrong({ channel: 'C0NOWHERE' })).toMatchObject([{ about: 'slack channel', state: 'wrong' }]);
});

it('notices another program on the app token', async () => {
  slack.link.foreign = 3;
  expect(await wrong()).toMatchObject([{ about: 'slack socket', state: 'wrong' }]);
});

it('says that Slack cannot be reached', async () => {
  await slack.stop();
  const findings = await wrong();
  expect(findings.map(({ what }) => what)).toEqual([1, 2].map(() => expect.stringContaining('ECONNREFUSED')));
  await slack.start();
});

it('HTTP mode wants its signing secret', async () => {
  expect(await wrong({ mode: 'http' })).toMatchObject([{ about: 'slack http mode', state: 'missing' }]);
  const findings = await examine({ mode: 'http' }, new Secret('s'));
  expect(findings.every(({ state }) => state === 'ok')).toBe(true);
});

it('docs and manifest name the same scopes as the code', () => {
  const names = BOT_SCOPES.map(([scope]) => scope).sort();
  const page = readFileSync('docs/slack.md', 'utf8');
  const rows = [...page.matchAll(/^\| `([a-z:._]+)` \|/gm)].map(([, scope]) => scope);
  expect(rows.sort()).toEqual([...names, 'connections:write'].sort());
  const manifest = readFileSync('config/slack-manifest.yaml', 'utf8');
  for (const scope of names) expect(manifest).toContain(`- ${scope}\n`);
});
