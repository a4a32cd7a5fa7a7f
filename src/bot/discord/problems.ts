import { RESTJSONErrorCodes as Codes, RateLimitError } from 'discord.js';
import { reason } from '../../errors/catalogue.ts';
import { DeliveryProblem } from '../platform.ts';
import type { Mends } from './mends.ts';
import { codeOf, statusOf } from './rest.ts';

/** `change` may be repeated without harm; `post` may not. */
export type Doing = 'post' | 'change';

const NOT_THERE = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
];
const UNTOLD_LIMIT_MS = 5_000;
const OVERLOADED_MS = 10_000;
const OLD_EDITS_MS = 60_000;

/** What a failed call means for the outbox. */
export function problemOf(thrown: unknown, doing: Doing, mends: Mends): DeliveryProblem {
  if (thrown instanceof DeliveryProblem) return thrown;
  if (thrown instanceof RateLimitError) return limited(thrown);
  const status = statusOf(thrown);
  if (status === undefined) return network(thrown, doing);
  if (status >= 500)
    return new DeliveryProblem(doing === 'post' ? 'ambiguous' : 'retry', `Discord answered ${status}`, {
      cause: thrown,
    });
  return refused(thrown, status, mends);
}

function limited(limit: RateLimitError): DeliveryProblem {
  const told = Math.max(limit.retryAfter, limit.sublimitTimeout, 0) || Math.max(limit.timeToReset, 0);
  const afterMs = told > 0 ? Math.ceil(told) : UNTOLD_LIMIT_MS;
  const wide = limit.global || limit.scope === 'global';
  const what = `Discord's rate limit${wide ? ' for the whole bot' : ''}: ${Math.ceil(afterMs / 1000)} s`;
  return new DeliveryProblem('retry', what, { afterMs, wide, cause: limit });
}

function network(thrown: unknown, doing: Doing): DeliveryProblem {
  const code =
    thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : '';
  const what = `Discord cannot be reached: ${code || reason(thrown)}`;
  if (NOT_THERE.includes(code) || code.startsWith('ERR_TLS') || code.includes('CERT'))
    return new DeliveryProblem('retry', what, { wide: true, cause: thrown });
  return new DeliveryProblem(doing === 'post' ? 'ambiguous' : 'retry', what, { cause: thrown });
}

function refused(thrown: unknown, status: number, mends: Mends): DeliveryProblem {
  const code = codeOf(thrown);
  const what = `Discord refuses it: ${reason(thrown)}${code === undefined ? '' : ` (${code})`}`;
  const blocked = (mend: string) => new DeliveryProblem('blocked', what, { mend, cause: thrown });
  if (status === 401) return blocked(mends.token);
  switch (code) {
    case Codes.UnknownMessage:
      return new DeliveryProblem('gone', 'the message was deleted on Discord', { cause: thrown });
    case Codes.UnknownChannel:
      return blocked(mends.channel);
    case Codes.UnknownGuild:
      return blocked(mends.guild);
    case Codes.MissingAccess:
      return blocked(mends.access);
    case Codes.MissingPermissions:
      return blocked(mends.permissions);
    case Codes.MaximumNumberOfEditsToMessagesOlderThanOneHourReached:
      return new DeliveryProblem('retry', what, { afterMs: OLD_EDITS_MS, cause: thrown });
    case Codes.APIResourceOverloaded:
    case Codes.ActionCannotBePerformedDueToSlowmodeRateLimit:
      return new DeliveryProblem('retry', what, { afterMs: OVERLOADED_MS, cause: thrown });
    default:
      // A refusal that is not about this message would repeat with every one; a ban follows too many of them.
      return status === 403
        ? blocked(mends.permissions)
        : new DeliveryProblem('never', what, { cause: thrown });
  }
}
