import type { LoadedConfig } from '../../config/load.ts';
import type { Slack } from '../../config/schema.ts';
import type { Secret } from '../../config/secret.ts';
import type { ChatContext, ChatPlatform } from './contract.ts';

/** A platform takes the context that names its parts of the health board. */
export type ContextOf = (platform: string) => ChatContext;

/** The chat platforms that the config names. Their libraries are loaded only then: they weigh more than all the rest. */
export async function openPlatforms(loaded: LoadedConfig, contextOf: ContextOf): Promise<ChatPlatform[]> {
  const { slack, discord } = loaded.config.chat;
  const platforms: ChatPlatform[] = [];
  if (slack) {
    const { slackPlatform } = await import('../slack/index.ts');
    const secrets = slackSecrets(loaded, slack);
    platforms.push(slackPlatform(slack, secrets, contextOf('slack')));
  }
  if (discord) {
    const { discordPlatform } = await import('../discord/index.ts');
    platforms.push(discordPlatform(discord, { token: loaded.secret(discord.token) }, contextOf('discord')));
  }
  return platforms;
}

export function slackSecrets(
  loaded: LoadedConfig,
  { botToken, appToken, signingSecret }: Slack,
): { botToken: Secret; appToken?: Secret; signingSecret?: Secret } {
  return {
    botToken: loaded.secret(botToken),
    ...(appToken ? { appToken: loaded.secret(appToken) } : {}),
    ...(signingSecret ? { signingSecret: loaded.secret(signingSecret) } : {}),
  };
}
