import { withoutHidden } from './hidden.ts';

/**
 * Every error that a person may meet, with its sentence. A sentence says what, where and how to mend it;
 * `{slots}` are filled from the fields. docs/errors.md has one section a code, and a test proves both ways
 * that the two agree.
 */
export const SENTENCES = {
  CONFIG_NOT_FOUND:
    'There is no config file at {path}. config/warroom.example.yaml is one to start from; name yours with --config.',
  CONFIG_UNREADABLE: '{path} cannot be read: {problem}. Let the user {user}, who runs Warroom, read it.',
  CONFIG_SYNTAX: '{place}: not YAML: {problem}',
  CONFIG_UNKNOWN_KEY: '{place}: unknown key "{key}" in {parent}. {hint}',
  CONFIG_VALUE: '{place}: {path} {problem}',
  CONFIG_DUPLICATE:
    '{place}: "{name}" is named twice (first at {first}). Give each host and service its own name.',
  CONFIG_UNKNOWN_NAME: '{place}: {path} names "{name}", which is no {kind} of this config. {hint}',
  SECRET_MISSING: '{place}: {path} wants a secret from {source}, but {problem}. {mend}',
  TARGET_UNREACHABLE: '{target} cannot be reached: {problem}. {mend}',
  HOST_KEY_UNKNOWN:
    '{target} answered with a host key that is not in {file}. If it is the right one, add the line: {line}',
  HOST_KEY_CHANGED:
    '{target} answered with ANOTHER host key than {file} holds. Somebody rebuilt the host or stands in between. Once you know why, replace its line by: {line}',
  TARGET_DEADLINE: '{target} did not answer "{command}" within {timeoutMs} ms.',
  TARGET_CUT:
    '{target} answered "{command}" with more than {maxBytes} bytes; the rest was cut off, so the answer was not used.',
  COMMAND_FAILED: '{target}: "{command}" ended with {status}: {problem}',
  BAD_ANSWER: '{target} gave an answer that is not {expected}: {problem}',
  NO_RIGHT: '{target}: Warroom may not {what}. {mend}',
  STORE_NEWER:
    'The store {path} was written by a newer Warroom (schema {found}, this one knows {known}). Run that version, or take the copy that it kept beside the file.',
  STORE_FULL:
    'The store {path} cannot be written: {problem}. Watching goes on; incidents are kept in memory until it can.',
  INSTANCE_RUNNING:
    'Another Warroom (process {pid}) already runs on the store {path}. Stop it first, or give this one a store of its own.',
  BOT_NOT_RUNNING:
    'No Warroom is running here ({path} does not answer), and "{command}" needs one. Start it with "warroom start".',
  ADDRESS_IN_USE: 'The console cannot listen on {address}: {problem}. Set console.listen to a free address.',
  UNKNOWN_COMMAND: 'There is no command "{command}". {hint}',
  BAD_ARGUMENT: '{command}: {problem}',
  NOT_ALLOWED: 'You may not {what}: your rights are {rights}. {mend}',
  NOT_FOUND: 'There is no {kind} {id}. {hint}',
  PLAN_CHANGED:
    'The plan of {id} changed since you saw it (now {planHash}). Look at it again before you approve.',
  NOT_PENDING: '{id} is {state}{by}, so this changed nothing.',
  HANDS_OFF: 'hands-off is on since {since} ({by}): nothing is changed until it is switched off.',
  STEP_FAILED: 'Step {step} of {id} failed on {target}: {problem}',
  INTERNAL:
    'Warroom made a mistake of its own while {doing}: {problem}. Please report it with the lines of its log.',
} as const;

export type ErrorCode = keyof typeof SENTENCES;
export type ErrorFields = Readonly<Record<string, string | number>>;

/** An error with a code of the catalogue. `message` is the filled sentence, `cause` what was behind it. */
export class WarroomError extends Error {
  override readonly name = 'WarroomError';
  constructor(
    readonly code: ErrorCode,
    readonly fields: ErrorFields = {},
    cause?: unknown,
  ) {
    super(sentence(code, fields), cause === undefined ? {} : { cause });
  }
}

/** The sentence of a code with its slots filled; a slot without a field is left empty. */
export function sentence(code: ErrorCode, fields: ErrorFields): string {
  return SENTENCES[code]
    .replace(/\{(\w+)\}/g, (_, slot: string) => withoutHidden(String(fields[slot] ?? '')))
    .trim();
}

/** The words of whatever was thrown, without a stack, and without secrets that somebody echoed. */
export function reason(thrown: unknown): string {
  // JavaScript quotes the text that it could not read, which is somebody else's.
  if (thrown instanceof SyntaxError && / JSON\b/.test(thrown.message)) return 'it is not JSON';
  return withoutHidden(thrown instanceof Error ? thrown.message : String(thrown));
}
