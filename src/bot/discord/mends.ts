import type { Discord } from '../../config/schema.ts';
import { inviteLink, NEEDED } from './permissions.ts';

/** What a person must do, in words that can be followed at 3 a.m. */
export interface Mends {
  readonly token: string;
  readonly guild: string;
  readonly channel: string;
  readonly access: string;
  readonly permissions: string;
  readonly commands: string;
}

export function mends(settings: Discord, application = 'APPLICATION_ID'): Mends {
  const invite = inviteLink(application);
  const again =
    'env' in settings.token
      ? `start Warroom anew with it in ${settings.token.env}`
      : 'put it where chat.discord.token points; it is read again by itself';
  return {
    token: `Developer Portal, your application, Bot, Reset Token; then ${again}.`,
    guild: `Invite the bot to the server ${settings.guild}: ${invite} (or correct chat.discord.guild).`,
    channel: `Set chat.discord.channel to the launch channel's id: right click on it, Copy Channel ID (it is ${settings.channel} now).`,
    access: `Let the bot see the channel ${settings.channel}: Edit Channel, Permissions, add the bot's role with View Channel. Or invite it again: ${invite}`,
    permissions: `In the channel ${settings.channel}: Edit Channel, Permissions, the bot's role: ${NEEDED.map((one) => one.name).join(', ')}. "warroom doctor" says which one is missing.`,
    commands: `Invite the bot again, with the scope applications.commands: ${invite}`,
  };
}
