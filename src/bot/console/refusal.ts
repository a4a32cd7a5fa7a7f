import type { FastifyReply } from 'fastify';
import { sentence } from '../../errors/catalogue.ts';

/** Every refusal of the API: its status, why, and what to do about it. Nothing else is said to somebody without the right. */
export const REFUSALS = {
  NOT_SIGNED_IN: [401, 'you are not signed in', 'On the machine of the bot: warroom link NAME'],
  LINK_SPENT: [
    401,
    'this link was used already, is older than ten minutes, or was never given',
    'Ask for a new one: warroom link NAME',
  ],
  TOKEN_UNKNOWN: [401, 'this token is not one of console.tokens', 'Compare it with the config in force.'],
  NO_RIGHT_TO_SEE: [403, 'you may not see this launch', 'An admin can add you to people with may: [see].'],
  WRONG_HOST: [
    421,
    'this name is not one that the console answers to',
    'Set console.publicUrl to the address that people open.',
  ],
  WRONG_ORIGIN: [
    403,
    'the request comes from another page',
    'Open the console at console.publicUrl and press there.',
  ],
  NO_CSRF: [
    403,
    'the X-CSRF-Token is missing or belongs to another session',
    'Reload the page. GET /api/me gives the token of a session.',
  ],
  BAD_REQUEST: [400, 'the request has another shape than this call takes', 'See the API in the docs.'],
  NO_SUCH_PAGE: [404, 'there is nothing at this address', 'See the API in the docs.'],
  TOO_LARGE: [413, 'the request is larger than 64 KiB', 'Send less.'],
  TOO_MANY: [429, 'too many failed attempts from this address', 'Wait a minute.'],
  TOO_MANY_READERS: [503, 'the most readers of the stream are connected', 'Close other windows.'],
  INTERNAL: [
    500,
    sentence('INTERNAL', { doing: 'answering a request', problem: 'the log of the bot has it' }),
    'Its log says where.',
  ],
} as const satisfies Readonly<Record<string, readonly [number, string, string]>>;
export type RefusalCode = keyof typeof REFUSALS;

/** Thrown by the console's hooks and routes; the error handler turns it into JSON. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  constructor(
    readonly code: RefusalCode,
    readonly detail?: string,
  ) {
    super(REFUSALS[code][1]);
  }
}

export function refuse(reply: FastifyReply, code: RefusalCode, detail?: string): FastifyReply {
  const [status, reason, mend] = REFUSALS[code];
  return reply.code(status).send({ error: code, reason: detail ? `${reason}: ${detail}` : reason, mend });
}
