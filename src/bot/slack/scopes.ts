/** What the bot asks of a workspace: nothing that it does not use. The manifest, the doctor and the docs read this list. */
export const BOT_SCOPES = [
  ['commands', 'the slash command `/launch`'],
  ['chat:write', 'posts and edits its own messages, answers that one person alone sees'],
  [
    'channels:history',
    'looks for its own post after an answer that was lost, so that nothing is posted twice',
  ],
  ['groups:history', 'the same in a private channel'],
  [
    'channels:read',
    'is the launch channel there, is the bot in it, is somebody who commands elsewhere a member',
  ],
  ['groups:read', 'the same for a private channel'],
  ['files:write', 'the whole of what was cut, as a file beside it'],
  ['users:read', 'is who presses a member, a guest, a bot, deleted'],
  ['usergroups:read', 'mentions `@group`, where the config names one'],
  ['pins:write', 'pins the status card'],
] as const satisfies readonly (readonly [scope: string, use: string])[];

/** Without these it still does its work, and says what it leaves out. */
export const OPTIONAL_SCOPES: readonly string[] = ['usergroups:read', 'pins:write', 'files:write'];

/** The app-level token's, Socket Mode alone. */
export const APP_SCOPE = 'connections:write';

export const COMMAND = '/launch';
