import { discordStage } from '../chat/discord-stage.ts';
import { slackStage } from '../chat/slack-stage.ts';
import type { Act, Proof } from '../proof.ts';
import { forgedRequests } from './chat-hostile/forged.ts';
import { hostilePeopleOnLab } from './chat-hostile/hostile-people.ts';
import { hostileTexts } from './chat-hostile/hostile-texts.ts';

/** Hostile text, hostile people, forged requests: on both platforms at once, through the real client libraries. */
export const chatHostile: Proof = {
  name: 'chat-hostile',
  shows:
    'hostile text, strangers, second identities and forged requests do nothing on Slack, Discord and the console',
  seconds: 470,
  run: async (act) => {
    if (part('texts')) await hostileTexts(act, await stagesFor(act));
    if (part('forged')) await forgedRequests(act, await stagesFor(act));
    if (part('people')) await hostilePeopleOnLab(act, await stagesFor(act));
  },
};

/** A part alone, named behind the proof's name. */
function part(name: string): boolean {
  return process.argv[3] === undefined || process.argv[3] === name;
}

async function stagesFor(act: Act) {
  const [slack, discord] = [await slackStage(), await discordStage()];
  act.after(() => slack.stop());
  act.after(() => discord.stop());
  return { slack, discord };
}
