import type { WebClient } from '@slack/web-api';
import { pino } from 'pino';
import type { Slack } from '../../config/schema.ts';
import type { Secret } from '../../config/secret.ts';
import type { ChatFinding } from '../chat/contract.ts';
import { boltApp } from './bolt-app.ts';
import { slackClient } from './client.ts';
import { problemOf, slackError } from './problems.ts';
import { APP_SCOPE, BOT_SCOPES, OPTIONAL_SCOPES } from './scopes.ts';
import { Socket } from './socket.ts';

interface Secrets {
  readonly botToken: Secret;
  readonly appToken?: Secret | undefined;
  readonly signingSecret?: Secret | undefined;
}

const HELLO_MS = 5_000;
const ADD_SCOPES = 'On api.slack.com/apps, Warroom, "OAuth & Permissions"';

/** Looks once at everything that Slack needs, and changes nothing. */
export async function examineSlack(settings: Slack, secrets: Secrets): Promise<ChatFinding[]> {
  const silent = pino({ level: 'silent' });
  const client = slackClient(settings.api, secrets.botToken, silent);
  const token = await botToken(client);
  return [
    ...token,
    ...(token.some(({ state, about }) => state !== 'ok' && about === 'slack bot token')
      ? []
      : await channel(client, settings.channel)),
    ...(settings.mode === 'http'
      ? httpMode(settings, secrets)
      : await socketMode(settings.api, secrets.appToken)),
  ];
}

async function botToken(client: WebClient): Promise<ChatFinding[]> {
  const about = 'slack bot token';
  try {
    const answer = await client.auth.test();
    const as = `signed in to ${answer.team ?? 'the workspace'} as ${answer.user ?? 'a bot'}`;
    return [{ state: 'ok', about, what: as }, ...scopes(answer.response_metadata?.scopes)];
  } catch (thrown) {
    return [wrong(about, thrown)];
  }
}

function scopes(granted: readonly string[] | undefined): ChatFinding[] {
  const about = 'slack scopes';
  if (!granted) return [{ state: 'ok', about, what: 'Slack did not say which scopes the token has' }];
  const lacking = BOT_SCOPES.filter(([scope]) => !granted.includes(scope));
  if (lacking.length === 0)
    return [{ state: 'ok', about, what: `all ${BOT_SCOPES.length} scopes are granted` }];
  return lacking.map(([scope, use]) => ({
    state: 'missing',
    about,
    what: `${scope}${OPTIONAL_SCOPES.includes(scope) ? ' (it goes on without)' : ''}: ${use.replaceAll('`', '')}`,
    mend: `${ADD_SCOPES}: add the bot scope ${scope} and press "Reinstall to Workspace".`,
  }));
}

async function channel(client: WebClient, id: string): Promise<ChatFinding[]> {
  const about = 'slack channel';
  try {
    const { channel: found } = await client.conversations.info({ channel: id });
    const name = found?.name ? `#${found.name}` : id;
    if (found?.is_archived)
      return [
        {
          ...{ state: 'wrong', about, what: `${name} is archived` },
          mend: 'In Slack: unarchive it, or set chat.slack.channel to another.',
        },
      ];
    if (found?.is_member === false)
      return [
        {
          ...{ state: 'missing', about, what: `the bot is not in ${name}` },
          mend: `In Slack, in ${name}: /invite @warroom`,
        },
      ];
    return [{ state: 'ok', about, what: `the bot is in ${name}` }];
  } catch (thrown) {
    return [wrong(about, thrown)];
  }
}

function httpMode(settings: Slack, { signingSecret }: Secrets): ChatFinding[] {
  const about = 'slack http mode';
  if (!signingSecret)
    return [
      {
        ...{ state: 'missing', about, what: 'chat.slack.signingSecret is not set' },
        mend: 'Copy it from "Basic Information", "Signing Secret":  signingSecret: { env: SLACK_SIGNING_SECRET }',
      },
    ];
  return [
    {
      ...{ state: 'ok', about },
      what: `listens on ${settings.listen}; Slack must reach it as https://YOUR-NAME/slack/events`,
    },
  ];
}

async function socketMode(api: string, appToken: Secret | undefined): Promise<ChatFinding[]> {
  const about = 'slack app-level token';
  const mend = `On api.slack.com/apps, Warroom, "Basic Information", "App-Level Tokens": make one with ${APP_SCOPE} (xapp-…) and put it where chat.slack.appToken reads it.`;
  if (!appToken) return [{ state: 'missing', about, what: 'chat.slack.appToken is not set', mend }];
  const log = pino({ level: 'silent' });
  const socket = new Socket({ app: boltApp(log), appToken, api, log, pingMs: 5_000, startMs: HELLO_MS });
  let connections: number | undefined;
  try {
    connections = (await socket.open()).connections;
  } catch (thrown) {
    const code = slackError(thrown);
    // The sentences of refusals speak of the bot token.
    if (code !== undefined) return [{ state: 'wrong', about, what: `Slack refuses it (${code})`, mend }];
    return [
      {
        ...wrong(about, thrown),
        mend: 'Let this machine reach slack.com and wss-primary.slack.com, port 443.',
      },
    ];
  } finally {
    await socket.close();
  }
  const ok: ChatFinding = { state: 'ok', about, what: 'a socket can be opened' };
  if (connections === undefined) return [ok];
  // This one, and two of a Warroom that runs.
  if (connections <= 3)
    return [
      ok,
      { state: 'ok', about: 'slack socket', what: `${connections - 1} other sockets on this token` },
    ];
  return [
    ok,
    {
      ...{ state: 'wrong', about: 'slack socket' },
      what: `${connections - 1} other sockets on this token, a Warroom has two: another program takes part of the presses`,
      mend: 'Stop the other program, or make a new app-level token and revoke the old one.',
    },
  ];
}

function wrong(about: string, thrown: unknown): ChatFinding {
  const { message, mend } = problemOf(thrown, 'look');
  return {
    ...{ state: 'wrong', about, what: message },
    mend: mend ?? 'Let this machine reach slack.com, port 443 (HTTPS).',
  };
}
