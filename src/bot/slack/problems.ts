import { DeliveryProblem, type ProblemKind } from '../platform.ts';
import { masked } from './logger.ts';

/** What a call is to the platform: an edit or a look may simply be repeated, a post may not. */
export type CallKind = 'post' | 'edit' | 'look';

interface Meaning {
  readonly kind: ProblemKind;
  readonly what: string;
  readonly mend?: string;
}

const NEW_TOKEN =
  'On api.slack.com/apps, Warroom, "OAuth & Permissions": copy the Bot User OAuth Token (xoxb-…) to where chat.slack.botToken reads it, then start Warroom again.';
const blocked = (what: string, mend: string): Meaning => ({ kind: 'blocked', what, mend });

const MEANINGS: Readonly<Record<string, Meaning>> = {
  message_not_found: { kind: 'gone', what: 'the message was deleted' },
  thread_not_found: { kind: 'gone', what: 'the thread was deleted' },
  cant_update_message: { kind: 'gone', what: 'the message is not ours' },
  edit_window_closed: { kind: 'never', what: 'this workspace lets nobody edit a message that old' },

  invalid_blocks: { kind: 'never', what: 'Slack refuses its blocks' },
  invalid_blocks_format: { kind: 'never', what: 'Slack refuses its blocks' },
  msg_too_long: { kind: 'never', what: 'it is too long' },
  msg_blocks_too_long: { kind: 'never', what: 'its blocks are too long' },
  invalid_metadata_format: { kind: 'never', what: 'Slack refuses its metadata' },
  metadata_too_large: { kind: 'never', what: 'its metadata is too large' },
  no_text: { kind: 'never', what: 'it is empty' },

  invalid_auth: blocked('Slack does not know the bot token', NEW_TOKEN),
  not_authed: blocked('Slack got no bot token', NEW_TOKEN),
  token_revoked: blocked(
    'the bot token was revoked',
    `Install the app again ("Install App", "Reinstall to Workspace"). ${NEW_TOKEN}`,
  ),
  token_expired: blocked(
    'the bot token has expired',
    `Switch token rotation off in the app's settings, then install it again. ${NEW_TOKEN}`,
  ),
  account_inactive: blocked(
    'the bot was switched off or removed from the workspace',
    `Install the app again ("Install App", "Reinstall to Workspace"). ${NEW_TOKEN}`,
  ),
  not_in_channel: blocked(
    'the bot is not in the launch channel',
    'In Slack, in the launch channel: /invite @warroom',
  ),
  channel_not_found: blocked(
    'there is no such channel, or it is private and the bot is not in it',
    'In Slack, in the launch channel: /invite @warroom. Or set chat.slack.channel to the right id (channel details, at the bottom).',
  ),
  is_archived: blocked(
    'the launch channel is archived',
    'In Slack: unarchive the channel and /invite @warroom, or set chat.slack.channel to another.',
  ),
  is_inactive: blocked('the launch channel is frozen', 'In Slack: unfreeze it, or set chat.slack.channel.'),
  restricted_action: blocked(
    'only admins may post in the launch channel',
    'In Slack: channel settings, "Posting permissions", let everyone or @warroom post.',
  ),
  restricted_action_read_only_channel: blocked(
    'the launch channel is read-only',
    'In Slack: channel settings, "Posting permissions", let @warroom post.',
  ),
  restricted_action_thread_only_channel: blocked(
    'the launch channel takes replies alone',
    'In Slack: channel settings, "Posting permissions", let @warroom post.',
  ),
  missing_scope: blocked(
    'the app may not do that',
    'On api.slack.com/apps, Warroom, "OAuth & Permissions": add the scope and press "Reinstall to Workspace". warroom doctor lists what is missing.',
  ),
  no_permission: blocked(
    'the app may not do that',
    'On api.slack.com/apps, Warroom: press "Reinstall to Workspace". warroom doctor lists what is missing.',
  ),
  team_access_not_granted: blocked(
    'the app was not let into this workspace',
    'An admin of the organisation approves it for this workspace.',
  ),
  ekm_access_denied: blocked('an administrator has suspended posting', 'Ask an admin of the workspace.'),
};

/** Slack took it and fell over: it may have been done in part. */
const HALF_DONE = new Set([
  'internal_error',
  'fatal_error',
  'service_unavailable',
  'request_timeout',
  'team_added_to_org',
]);

/** The connection never stood, so nothing was sent. */
const NEVER_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'UND_ERR_CONNECT_TIMEOUT',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

/** What went wrong with a call, in the outbox's words. */
export function problemOf(thrown: unknown, call: CallKind): DeliveryProblem {
  if (thrown instanceof DeliveryProblem) return thrown;
  const unsure: ProblemKind = call === 'post' ? 'ambiguous' : 'retry';
  const more = { cause: thrown };
  const seconds = rateLimit(thrown);
  if (seconds !== undefined)
    return new DeliveryProblem('retry', `Slack asks to wait ${seconds} s (rate limit)`, {
      ...more,
      wide: true,
      afterMs: seconds * 1000,
    });
  const code = slackError(thrown);
  if (code !== undefined) return refusal(thrown, code, unsure);
  const status = httpStatus(thrown);
  if (status !== undefined)
    return new DeliveryProblem(unsure, `Slack answers HTTP ${status}`, { ...more, wide: status >= 500 });
  const cause = networkCode(thrown);
  if (cause !== undefined && NEVER_SENT.has(cause))
    return new DeliveryProblem('retry', `Slack cannot be reached (${cause})`, { ...more, wide: true });
  return new DeliveryProblem(unsure, `no answer from Slack (${cause ?? words(thrown)})`, more);
}

function refusal(thrown: unknown, code: string, unsure: ProblemKind): DeliveryProblem {
  const meaning = MEANINGS[code];
  if (meaning) {
    const needed = code === 'missing_scope' ? field(thrown, 'needed') : undefined;
    const scope = needed && /^[a-z:._,]{1,80}$/.test(needed) ? ` (needs the scope ${needed})` : '';
    return new DeliveryProblem(meaning.kind, `Slack: ${meaning.what}${scope} (${code})`, {
      cause: thrown,
      mend: scope ? meaning.mend?.replace('add the scope', `add the scope ${needed}`) : meaning.mend,
    });
  }
  if (HALF_DONE.has(code))
    return new DeliveryProblem(unsure, `Slack has trouble (${code})`, { cause: thrown, wide: true });
  return new DeliveryProblem('retry', `Slack refuses it (${masked(code).slice(0, 100)})`, { cause: thrown });
}

/** Seconds to wait, when it is a rate limit. */
export function rateLimit(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error)) return undefined;
  if ('retryAfter' in thrown && typeof thrown.retryAfter === 'number') return bound(thrown.retryAfter);
  // A 429 without the header is thrown without a code.
  if (thrown.message.includes('Retry header did not contain')) return 5;
  const code = slackError(thrown);
  return code === 'ratelimited' || code === 'rate_limited' ? 5 : undefined;
}

function bound(seconds: number): number {
  return Math.min(600, Math.max(1, seconds));
}

/** The `error` of an answer with `ok: false`. */
export function slackError(thrown: unknown): string | undefined {
  return field(thrown, 'error');
}

function field(thrown: unknown, name: 'error' | 'needed'): string | undefined {
  if (!(thrown instanceof Error) || !('data' in thrown)) return undefined;
  const { data } = thrown;
  if (typeof data !== 'object' || data === null || !(name in data)) return undefined;
  const value = (data as Record<string, unknown>)[name];
  return typeof value === 'string' ? value : undefined;
}

function httpStatus(thrown: unknown): number | undefined {
  return thrown instanceof Error && 'statusCode' in thrown && typeof thrown.statusCode === 'number'
    ? thrown.statusCode
    : undefined;
}

/** The system's own code, from under the layers that wrap it. */
function networkCode(thrown: unknown, depth = 0): string | undefined {
  if (!(thrown instanceof Error) || depth > 5) return undefined;
  if (thrown instanceof AggregateError) {
    const codes = thrown.errors.map((error) => networkCode(error, depth + 1));
    // Of several addresses: only when none was reached.
    return codes.find((code) => code !== undefined && !NEVER_SENT.has(code)) ?? codes[0];
  }
  if (thrown.name === 'TimeoutError') return 'timeout';
  if ('code' in thrown && typeof thrown.code === 'string' && !thrown.code.startsWith('slack_'))
    return thrown.code;
  return networkCode(thrown.cause, depth + 1);
}

function words(thrown: unknown): string {
  return masked(thrown instanceof Error ? thrown.message : String(thrown)).slice(0, 200);
}
