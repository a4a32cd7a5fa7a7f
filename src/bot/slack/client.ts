import { WebClient } from '@slack/web-api';
import type { Logger } from 'pino';
import type { Secret } from '../../config/secret.ts';
import { slackLogger } from './logger.ts';

export const CALL_MS = 10_000;

/**
 * The one client that every call goes through. It never repeats a call by itself: a post whose answer was lost would
 * be posted twice, and of two edits the older could win. What is tried again is decided by the outbox.
 */
export function slackClient(api: string, token: Secret, log: Logger): WebClient {
  return new WebClient(token.reveal(), {
    slackApiUrl: api,
    timeout: CALL_MS,
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    maxRequestConcurrency: 20,
    allowAbsoluteUrls: false,
    logger: slackLogger(log),
  });
}
