import {
  type APIChannel,
  type APIGatewayBotInfo,
  type APIGuild,
  type APIGuildMember,
  type APIOverwrite,
  OverwriteType,
  PermissionFlagsBits,
  Routes,
} from 'discord.js';
import { pino } from 'pino';
import type { Discord } from '../../config/schema.ts';
import type { Secret } from '../../config/secret.ts';
import type { ChatFinding } from '../chat/contract.ts';
import { ROOT } from './commands.ts';
import { type Mends, mends } from './mends.ts';
import { NEEDED } from './permissions.ts';
import { problemOf } from './problems.ts';
import { DiscordRest } from './rest.ts';

/** Below that, something logs in far too often. */
const FEW_SESSIONS = 100;

/** What stands between Warroom and its channel: the token, the server, the channel, each right, the commands. */
export async function examineDiscord(settings: Discord, token: Secret): Promise<ChatFinding[]> {
  const rest = new DiscordRest(settings, token, pino({ level: 'silent' }));
  const findings: ChatFinding[] = [];
  let known = mends(settings);
  const asked = async <T>(about: string, route: `/${string}`): Promise<T | undefined> => {
    try {
      return await rest.get<T>(route);
    } catch (thrown) {
      const { message, mend } = problemOf(thrown, 'change', known);
      findings.push({ state: 'wrong', about, what: message, ...(mend === undefined ? {} : { mend }) });
      return undefined;
    }
  };
  const ok = (about: string, what: string) => findings.push({ state: 'ok', about, what });

  const application = await asked<{ id: string }>('token', Routes.currentApplication());
  if (!application) return findings;
  const self = await asked<{ id: string; username: string }>('token', Routes.user());
  if (!self) return findings;
  known = mends(settings, application.id);
  ok('token', `is the bot ${self.username}`);

  const sessions = await asked<APIGatewayBotInfo>('sessions', Routes.gatewayBot());
  if (sessions) findings.push(sessionsLeft(sessions));

  const guild = await asked<APIGuild>('server', Routes.guild(settings.guild));
  if (!guild) return findings;
  ok('server', guild.name);
  const commands = await asked<{ name: string }[]>(
    'commands',
    Routes.applicationGuildCommands(application.id, settings.guild),
  );
  if (commands) findings.push(registered(commands, known));

  const channel = await asked<APIChannel>('channel', Routes.channel(settings.channel));
  if (!channel) return findings;
  if (!('guild_id' in channel) || channel.guild_id !== settings.guild) {
    const what = `${settings.channel} is not a channel of the server ${settings.guild}`;
    return [...findings, { state: 'wrong', about: 'channel', what, mend: known.channel }];
  }
  ok('channel', `#${channel.name}`);
  const member = await asked<APIGuildMember>('permissions', Routes.guildMember(settings.guild, self.id));
  if (!member) return findings;
  const overwrites = 'permission_overwrites' in channel ? (channel.permission_overwrites ?? []) : [];
  return [...findings, ...rightsFindings(permissionsOf(guild, member, self.id, overwrites), settings)];
}

function sessionsLeft({ session_start_limit: { remaining, total } }: APIGatewayBotInfo): ChatFinding {
  const what = `${remaining} of ${total} connections of the day are left`;
  if (remaining >= FEW_SESSIONS) return { state: 'ok', about: 'sessions', what };
  const mend = 'Something logs in with the same token again and again: stop it, or reset the token.';
  return { state: 'wrong', about: 'sessions', what, mend };
}

function registered(commands: readonly { name: string }[], known: Mends): ChatFinding {
  if (commands.some((command) => command.name === ROOT))
    return { state: 'ok', about: 'commands', what: `/${ROOT} is registered` };
  const mend = `"warroom start" registers it by itself. If it cannot: ${known.commands}`;
  return { state: 'missing', about: 'commands', what: `/${ROOT} is not registered yet`, mend };
}

function rightsFindings(held: bigint, settings: Discord): ChatFinding[] {
  return NEEDED.map(({ bit, name, why }): ChatFinding => {
    if ((held & bit) !== 0n) return { state: 'ok', about: name, what: 'given' };
    const mend = `In the channel ${settings.channel}: Edit Channel, Permissions, the bot's role: ${name}.`;
    return { state: 'missing', about: name, what: `missing, needed ${why}`, mend };
  });
}

/** As Discord reckons them: @everyone and roles, then the channel's overwrites from the general to the particular. */
function permissionsOf(
  guild: APIGuild,
  member: APIGuildMember,
  self: string,
  overwrites: readonly APIOverwrite[],
): bigint {
  const all = NEEDED.reduce((sum, { bit }) => sum | bit, 0n);
  const roles = new Set([guild.id, ...member.roles]);
  const base = guild.roles
    .filter((role) => roles.has(role.id))
    .reduce((sum, role) => sum | BigInt(role.permissions), 0n);
  if (guild.owner_id === self || (base & PermissionFlagsBits.Administrator) !== 0n) return all;
  const everyone = overwrites.filter((one) => one.id === guild.id);
  const byRole = overwrites.filter(
    (one) => one.type === OverwriteType.Role && one.id !== guild.id && roles.has(one.id),
  );
  const own = overwrites.filter((one) => one.type === OverwriteType.Member && one.id === self);
  return [everyone, byRole, own].reduce((held, group) => {
    const deny = group.reduce((sum, one) => sum | BigInt(one.deny), 0n);
    const allow = group.reduce((sum, one) => sum | BigInt(one.allow), 0n);
    return (held & ~deny) | allow;
  }, base);
}
