import { LogLevel } from '@slack/bolt';
import type { Logger } from 'pino';
import { withoutHidden } from '../../errors/hidden.ts';

type SlackLogger = NonNullable<
  ConstructorParameters<typeof import('@slack/bolt').SocketModeReceiver>[0]['logger']
>;

const TOKEN = /\b(?:xox[a-z]|xapp|xwfp)(?:\.[a-z]+)?-[A-Za-z0-9-]+/g;
const TICKET = /\b(ticket|token)=[^&\s"']+/g;
const LONGEST = 500;

/** Tokens and connection tickets out of foreign text. */
export function masked(text: string): string {
  return withoutHidden(text).replace(TOKEN, '«secret»').replace(TICKET, '$1=«secret»');
}

/** What Slack's libraries say goes to the one log; their debug lines hold whole payloads and are left out. */
export function slackLogger(log: Logger): SlackLogger {
  const said = (parts: readonly unknown[]): { said: string } => ({
    said: masked(parts.map((part) => (part instanceof Error ? part.message : String(part))).join(' ')).slice(
      0,
      LONGEST,
    ),
  });
  return {
    debug: () => undefined,
    info: (...parts: unknown[]) => log.debug(said(parts), "Slack's library"),
    // Each of their errors reaches us as an event or a rejection as well, and is judged there.
    warn: (...parts: unknown[]) => log.info(said(parts), "Slack's library"),
    error: (...parts: unknown[]) => log.warn(said(parts), "Slack's library"),
    setLevel: () => undefined,
    getLevel: () => LogLevel.INFO,
    setName: () => undefined,
  };
}
