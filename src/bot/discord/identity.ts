import { type APIInteraction, GuildMemberFlags } from 'discord.js';
import type { Identity } from '../../people/person.ts';

const DELETED = /^deleted_user_[0-9a-f]+$|^Deleted User$/i;

/** Who acts, as Discord vouches for it in the event itself: nothing is asked, so nothing can be too late. */
export function identityOf(interaction: APIInteraction, guild: string): Identity {
  const user = interaction.member?.user ?? interaction.user;
  if (!user) return { platform: 'discord', id: '', display: 'somebody', kind: 'unverified' };
  const display = interaction.member?.nick ?? user.global_name ?? user.username;
  const known = { platform: 'discord', id: user.id, display } as const;
  if (user.bot || user.system) return { ...known, kind: 'bot' };
  if (DELETED.test(user.username)) return { ...known, kind: 'deleted' };
  const { member } = interaction;
  if (!member || interaction.guild_id !== guild) return { ...known, kind: 'stranger' };
  const guest = member.pending || (member.flags & GuildMemberFlags.IsGuest) !== 0;
  return { ...known, kind: guest ? 'guest' : 'member' };
}
