import type { Slack } from '../../config/schema.ts';
import type { Secret } from '../../config/secret.ts';
import { reason } from '../../errors/catalogue.ts';
import type { ChatContext, ChatPlatform } from '../chat/contract.ts';
import { Account } from './account.ts';
import { Answers } from './answer.ts';
import { boltApp } from './bolt-app.ts';
import { slackClient } from './client.ts';
import { HttpDoor } from './http.ts';
import { Identities } from './identity.ts';
import { listen } from './listen.ts';
import { masked } from './logger.ts';
import { Once } from './once.ts';
import { SlackPort } from './port.ts';
import { Sockets } from './sockets.ts';
import { Work } from './work.ts';

export { examineSlack } from './doctor.ts';

export interface SlackSecrets {
  readonly botToken: Secret;
  /** Socket Mode. */
  readonly appToken?: Secret | undefined;
  /** HTTP mode. */
  readonly signingSecret?: Secret | undefined;
}

/** Times that a test shortens. */
export interface SlackTimes {
  readonly pingMs?: number;
  readonly startMs?: number;
  readonly downMs?: number;
  readonly recountMs?: number;
}

export interface SlackPlatform extends ChatPlatform {
  /** Where HTTP mode listens, once it does. */
  readonly listensOn: () => number | undefined;
}

const FIRST_CONTACT_MS = 3_000;
const DRAIN_MS = 5_000;
const LANES = 16;
const WAITING = 200;
const LONGEST_MS = 60_000;

export function slackPlatform(
  settings: Slack,
  secrets: SlackSecrets,
  context: ChatContext,
  times: SlackTimes = {},
): SlackPlatform {
  const { config, health, now, desk } = context;
  const log = context.log.child({ platform: 'slack' });
  const { channel, api } = settings;
  const stop = new AbortController();
  const client = slackClient(api, secrets.botToken, log);
  const account = new Account({ client, channel, health });
  const port = new SlackPort({ client, channel, config, health, log, now });
  const answers = new Answers({ client, api, config, health: health('answers'), log, signal: stop.signal });
  const identities = new Identities({ client, channel, team: () => account.team, now });
  const work = new Work({ lanes: LANES, waiting: WAITING, longestMs: LONGEST_MS }, (thrown) =>
    log.warn({ problem: masked(reason(thrown)) }, 'an answer could not be worked out'),
  );
  const app = boltApp(log);
  let stopping = false;
  const way = wayIn();
  listen(app, {
    ...{ client, desk, identities, answers, work, health, log },
    once: new Once(now),
    appId: () => (way instanceof Sockets ? way.appId : account.appId),
    stopping: () => stopping,
  });
  return {
    port,
    listensOn: () => (way instanceof HttpDoor ? way.port : undefined),
    async start() {
      void account.learn(stop.signal);
      await way?.start(FIRST_CONTACT_MS);
    },
    async stop() {
      stopping = true;
      await Promise.all([work.drained(DRAIN_MS), port.stop()]);
      stop.abort();
      await way?.stop();
    },
  };

  function wayIn(): Sockets | HttpDoor | undefined {
    const { appToken, signingSecret } = secrets;
    if (settings.mode === 'socket' && appToken)
      return new Sockets({ app, appToken, api, health, log, now, ...times });
    if (settings.mode === 'http' && signingSecret)
      return new HttpDoor({ app, listen: settings.listen, signingSecret, health: health('http'), log, now });
    // The config asks for one of them before it gets here; without it nothing may come in.
    const wanted = settings.mode === 'socket' ? 'appToken' : 'signingSecret';
    health(settings.mode)('down', `chat.slack.${wanted} is missing`, `Set chat.slack.${wanted}.`);
    return undefined;
  }
}
