import {
  type APIChannel,
  type APIInteraction,
  type APIInteractionGuildMember,
  type APIOverwrite,
  type APIRole,
  OverwriteType,
  PermissionFlagsBits,
  Routes,
} from 'discord.js';
import type { Discord } from '../../config/schema.ts';
import type { Identity } from '../../people/person.ts';
import type { DiscordRest } from './rest.ts';

const ASK_MS = 1_200;
const KEEP_MS = 60_000;

interface Asked {
  readonly overwrites: readonly APIOverwrite[];
  readonly roles: readonly APIRole[];
}

/** Members of the server are many; those of the launch channel are who may see it. */
export class LaunchMembers {
  #asked: Promise<Asked> | undefined;
  #keptAt = 0;

  constructor(
    private readonly settings: Discord,
    private readonly rest: DiscordRest,
    private readonly now: () => number,
  ) {}

  /** In the launch channel and its threads it is given, and nothing is asked. */
  isHere(interaction: APIInteraction): boolean {
    const { channel } = interaction;
    const parent = channel && 'parent_id' in channel ? channel.parent_id : undefined;
    return [interaction.channel_id, channel?.id, parent].includes(this.settings.channel);
  }

  /** From elsewhere: a stranger to the channel, or `unverified` when Discord does not say in time. */
  async kindElsewhere(member: APIInteractionGuildMember | undefined): Promise<Identity['kind']> {
    if (!member) return 'stranger';
    try {
      const { overwrites, roles } = await this.#ask();
      return sees(member, this.settings.guild, roles, overwrites) ? 'member' : 'stranger';
    } catch {
      return 'unverified';
    }
  }

  #ask(): Promise<Asked> {
    if (this.#asked && this.now() - this.#keptAt < KEEP_MS) return this.#asked;
    this.#keptAt = this.now();
    const asking = this.#read();
    this.#asked = asking;
    asking.catch(() => {
      if (this.#asked === asking) this.#asked = undefined;
    });
    return asking;
  }

  async #read(): Promise<Asked> {
    const ask = { timeoutMs: ASK_MS };
    const [channel, roles] = await Promise.all([
      this.rest.get<APIChannel>(Routes.channel(this.settings.channel), ask),
      this.rest.get<APIRole[]>(Routes.guildRoles(this.settings.guild), ask),
    ]);
    const overwrites = 'permission_overwrites' in channel ? (channel.permission_overwrites ?? []) : [];
    return { overwrites, roles };
  }
}

/** Discord's own order: roles, then what the channel changes for everyone, for roles, for the member. */
function sees(
  member: APIInteractionGuildMember,
  guild: string,
  roles: readonly APIRole[],
  overwrites: readonly APIOverwrite[],
): boolean {
  const { ViewChannel, Administrator } = PermissionFlagsBits;
  const theirs = new Set([guild, ...member.roles]);
  const base = roles
    .filter(({ id }) => theirs.has(id))
    .reduce((all, { permissions }) => all | BigInt(permissions), 0n);
  // What came with the interaction is for another channel, but an owner has every right in each.
  if (((base | BigInt(member.permissions)) & Administrator) !== 0n) return true;
  const ofRole = (ids: (id: string) => boolean) =>
    overwrites.filter(({ type, id }) => type === OverwriteType.Role && ids(id));
  const steps = [
    ofRole((id) => id === guild),
    ofRole((id) => id !== guild && theirs.has(id)),
    overwrites.filter(({ type, id }) => type === OverwriteType.Member && id === member.user.id),
  ];
  return steps.reduce(
    (may, step) => {
      if (step.some(({ allow }) => (BigInt(allow) & ViewChannel) !== 0n)) return true;
      return step.some(({ deny }) => (BigInt(deny) & ViewChannel) !== 0n) ? false : may;
    },
    (base & ViewChannel) !== 0n,
  );
}
