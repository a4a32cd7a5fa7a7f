import type { DiscordStandIn } from '../../../test/chat/discord/stand-in/stand-in.ts';
import type { SlackStandIn } from '../../../test/chat/slack/stand-in/index.ts';
import type { ChatStage } from '../../chat/stage.ts';
import { eventually } from '../../proof.ts';
import type { Outputs } from './outputs.ts';
import type { Plants } from './plants.ts';

export type Slack = ChatStage & { readonly standIn: SlackStandIn };
export type Discord = ChatStage & { readonly standIn: DiscordStandIn };

export interface Console {
  readonly url: string;
  /** A Bearer token of somebody who may operate. */
  readonly token: string;
}

/** What people paste into the wrong window, on each face. */
export async function carelessPeople(
  slack: Slack,
  discord: Discord,
  console: Console,
  plants: Plants,
  outputs: Outputs,
): Promise<void> {
  const p = (kind: string, form?: (marker: string) => string) =>
    plants.plant(`typed by a person: ${kind}`, form);
  const slackSays = async (who: 'ada' | 'otto' | 'eve', text: string) =>
    outputs.add('Slack ephemeral answers: given', await slack.command(who, text));
  const discordSays = async (who: 'ada' | 'otto' | 'eve', text: string) =>
    outputs.add('Discord ephemeral answers: given', await discord.command(who, text));
  await slackSays('ada', `mark "deploy token=${p('token= in a mark')} ${plants.control}"`);
  await slackSays('otto', `mark see https://ci/job?sig=${p('signed URL in a mark')}&x=1`);
  await slackSays('ada', p('an unknown command that is a secret'));
  await slackSays('ada', `why ${p('a Slack token as an argument', (m) => `xoxb-1-2-${m}`)}`);
  await slackSays(
    'eve',
    `mark "${p('a token by a stranger (audit)', (m) => `ghp_${m}`)} password=${p('password= by a stranger (audit)')}"`,
  );
  await slackSays('ada', `mark "curl -H 'Authorization: Bearer ${p('Bearer in a mark')}'" --here`);
  await discordSays('ada', `mark token=${p('token= in a mark on Discord')}`);
  await discordSays('otto', `mark ${plants.control}`);
  const typed = async (text: string) => {
    const { url, token } = console;
    const answer = await fetch(`${url}/api/commands`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ text }),
    });
    outputs.add('console API: commands', await answer.text());
  };
  await typed(`silence host.swap@app2 15m "password=${p('password= as the reason of a silence')}"`);
  await typed(`mark ${p('a signed web token', (m) => `eyJhbGciOi.${m}.${m}`)} ${plants.control}`);
  const mark = await fetch(`${console.url}/api/marks`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${console.token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ text: `--api-key ${p('--api-key X in a mark by the API')} ${plants.control}` }),
  });
  outputs.add('console API: marks', await mark.text());
}

/** Forms are opened on both platforms, and one is sent with a password in it. */
export async function carelessForms(
  slack: Slack,
  discord: Discord,
  plants: Plants,
  outputs: Outputs,
): Promise<void> {
  const reason = `load test password=${plants.plant('typed by a person: password= in a form')}`;
  const views = slack.standIn.world.views;
  const [slackHead] = slack.cards().filter((card) => card.buttons.includes('Silence'));
  if (slackHead) {
    slack.standIn.press(slack.ids.ada, slackHead.id, 'Silence');
    const view = await eventually('the form on Slack', () => views.at(-1), 10_000);
    const before = slack.standIn.world.ephemerals.length;
    slack.standIn.submit(view.id, { scope: 'host.iowait@app3', time: '15m', reason });
    await eventually(
      'an answer to the form',
      () => slack.standIn.world.ephemerals.length > before || undefined,
      10_000,
    ).catch(() => undefined);
  }
  const [discordHead] = discord.cards().filter((card) => card.buttons.includes('Silence'));
  if (discordHead) {
    const opened = await discord.standIn.press(discord.ids.ada, discordHead.id, 'Silence');
    outputs.add('Discord modals', JSON.stringify(opened.modal ?? {}));
  }
}

/** Wrong keys at the console's doors: none of them is said again. */
export async function wrongKeys(
  { url }: Console,
  link: string,
  plants: Plants,
  outputs: Outputs,
): Promise<void> {
  const p = (kind: string) => plants.plant(`wrong key at the console: ${kind}`);
  const ask = async (path: string, headers: Record<string, string>, body?: object) => {
    const answer = await fetch(`${url}${path}`, {
      method: body ? 'POST' : 'GET',
      headers: { Origin: url, ...(body ? { 'Content-Type': 'application/json' } : {}), ...headers },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    outputs.add(`console API: ${path.split('?')[0]}`, await answer.text());
    return answer;
  };
  await ask('/api/signin', {}, { token: p('sign-in link') });
  await ask('/api/status', { Authorization: `Bearer ${p('Bearer token')}` });
  await ask('/api/status', { Cookie: `warroom_session=${p('session cookie')}` });
  await ask(`/api/status?token=${p('token in the address')}`, {});
  await ask('/api/signin', {}, { password: p('another field of the body') });
  const signedIn = await ask('/api/signin', {}, { token: new URL(link).hash.slice(1) });
  const cookie = signedIn.headers.get('set-cookie')?.split(';')[0] ?? '';
  plants.know('the session cookie of somebody signed in', cookie.split('=')[1] ?? cookie);
  await ask('/api/me', { Cookie: cookie });
  await ask('/api/commands', { Cookie: cookie, 'X-CSRF-Token': p('CSRF token') }, { text: 'status' });
}
