import { stringify } from 'yaml';
import { BOT_SCOPES, COMMAND } from './scopes.ts';

/** The app's manifest, for "Create New App, From a manifest". */
export function slackManifest(): string {
  const manifest = {
    display_information: {
      name: 'Warroom',
      description: 'Watches a launch, says what is wrong and why, and carries out approved fixes',
    },
    features: {
      bot_user: { display_name: 'warroom', always_online: true },
      slash_commands: [
        {
          command: COMMAND,
          description: 'Ask the war room: status, why, fix, approve, silence',
          usage_hint: 'status | why 12 | help',
          // Names are looked up by Warroom itself: it wants what was typed.
          should_escape: false,
        },
      ],
    },
    oauth_config: { scopes: { bot: BOT_SCOPES.map(([scope]) => scope) } },
    settings: {
      interactivity: { is_enabled: true },
      org_deploy_enabled: false,
      socket_mode_enabled: true,
      token_rotation_enabled: false,
    },
  };
  return `# Made from src/bot/slack/scopes.ts by \`npm run docs\`: change it there.\n${stringify(manifest)}`;
}
