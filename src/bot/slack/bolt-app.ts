import { App } from '@slack/bolt';
import type { Logger } from 'pino';
import { reason } from '../../errors/catalogue.ts';
import { masked, slackLogger } from './logger.ts';

/** Bolt reads deliveries and finds their listener. It gets no token: every call goes through our own client. */
export function boltApp(log: Logger): App {
  const logger = slackLogger(log);
  const app = new App({
    authorize: async () => ({}),
    receiver: {
      init: () => undefined,
      start: () => Promise.resolve(),
      stop: () => Promise.resolve(),
    },
    logger,
    clientOptions: { retryConfig: { retries: 0 }, timeout: 1_000 },
    convoStore: false,
    ignoreSelf: false,
  });
  app.error(async (error) => {
    log.error({ problem: masked(reason(error)) }, 'a Slack delivery could not be worked on');
  });
  return app;
}
