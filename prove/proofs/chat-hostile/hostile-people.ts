import { readFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { SITE } from '../../../lab/plan.ts';
import { type Bot, botFor } from '../../bot.ts';
import { withChat } from '../../chat/stage.ts';
import { warmLab } from '../../lab.ts';
import { type Act, eventually } from '../../proof.ts';
import { type Actor, onDiscord, onSlack } from './acts.ts';
import { castOf, listCast } from './cast.ts';
import { consoleDoors } from './doors.ts';
import { identities } from './identities.ts';
import { judge, readDiscord, readSlack } from './reading.ts';
import { Records } from './records.ts';
import { members, type Scene, strangers } from './strangers.ts';
import type { Stages } from './systems.ts';
import { forgedValues } from './values.ts';

const ASK_AFTER_MS = 35_000;
const PATHS = 'paths=/legacy/shoe-01.html,/legacy/shoe-02.html';

/** A real incident with real proposals, and everybody who should not decide on them. */
export async function hostilePeopleOnLab(act: Act, stages: Stages): Promise<void> {
  const { slack, discord } = stages;
  const lab = await warmLab(act);
  const cast = castOf(stages);
  const config = withChat(lab.root, [slack, discord], { policy: { channelMembers: 'none' } });
  listCast(config);
  const bot = await botFor(act, lab.root, config, { ...slack.env, ...discord.env });
  await eventually('both connections', () => (slack.connected() && discord.connected()) || undefined, 30_000);
  await lab.fault('no-redirect-cache', true);
  act.after(hostileVisitors(lab.address('web1'), 700));
  const otto = [
    onSlack(slack, 'otto on slack', slack.ids.otto),
    onDiscord(discord, 'otto on discord', discord.ids.otto),
  ] as const;
  const { open, cure, relief } = await twoProposals(bot, otto[0]);
  const scene: Scene = {
    ...{ bot, stages, incident: open.id, records: new Records(config) },
    ...{ cure, relief },
  };
  act.say(`#${open.id} with ${scene.cure.id} and ${scene.relief.id}`);
  const { ids: s } = slack;
  const { ids: d } = discord;
  const ada = [onSlack(slack, 'ada on slack', s.ada), onDiscord(discord, 'ada on discord', d.ada)] as const;
  await strangers(act, scene, cast);
  await forgedValues(act, scene, ada);
  const tokens = JSON.parse(readFileSync(join(lab.root, 'tokens.json'), 'utf8')) as Record<string, string>;
  await consoleDoors(act, scene, tokens);
  await members(act, scene, { ada, otto });
  await identities(act, scene, {
    ...{ adaOnSlack: ada[0], adaOnDiscord: ada[1] },
    ...{
      benOnSlack: onSlack(slack, 'ben on slack', s.ben),
      benOnDiscord: onDiscord(discord, 'ben on discord', d.ben),
    },
    second: cast.refused.filter(({ who }) => who.startsWith("ben's second")),
  });
  // Enough of them to be among the first.
  const stop = hostileVisitors(lab.address('web1'), 80);
  act.after(stop);
  await fromVarnish(act, stages, ada);
  stop();
  await scene.records.verify(act);
}

/** Those that Warroom makes; while the application is too slow to plan the cure, an operator asks for it again. */
async function twoProposals(bot: Bot, otto: Actor) {
  const begun = Date.now();
  return eventually(
    'two proposals',
    async () => {
      const open = (await bot.incidents('open')).find(({ proposals }) => proposals.length > 0);
      const waiting = open?.proposals.filter(({ state }) => state === 'pending') ?? [];
      const cure = waiting.find(({ remediation }) => remediation === 'cache-rule');
      const relief = waiting.find(({ remediation }) => remediation !== 'cache-rule');
      if (open && cure && relief) return { open, cure, relief };
      if (open && !cure && Date.now() - begun > ASK_AFTER_MS)
        await otto.type(`fix cache-rule incident=${open.id} service=edge form=ttl pattern=/legacy/ ${PATHS}`);
      return undefined;
    },
    180_000,
    2_000,
  );
}

/** What hostile visitors asked for is shown as they wrote it, and does nothing. */
async function fromVarnish(act: Act, stages: Stages, adas: readonly Actor[]): Promise<void> {
  for (const ada of adas) {
    // Two seconds of the log are looked at: a look may miss them.
    const found = await eventually(
      `the hostile URLs in what ${ada.who} sees`,
      async () => /\S*<!channel>@everyone\S*/.exec((await ada.type('varnish misses')).text)?.[0],
      30_000,
      2_000,
    );
    act.check(`${ada.who}: is shown the hostile URLs that Varnish has`, true, found.slice(0, 100));
  }
  judge(
    act,
    'slack, with a real stack',
    readSlack(stages.slack.standIn, () => []),
    100,
  );
  judge(
    act,
    'discord, with a real stack',
    readDiscord(stages.discord.standIn, [], () => []),
    100,
  );
}

/** Visitors whose URLs are hostile: Warroom reads them from Varnish itself. Gives the way to stop them. */
function hostileVisitors(host: string, everyMs: number): () => void {
  const text = '<!channel>@everyone<@U0ADA>[evilmasked](http://evil.example)*evilstar*`eviltick`:100:';
  const headers = { Host: SITE, 'User-Agent': text };
  const timer = setInterval(() => {
    // Carts are never cached, so that each of these reaches the application.
    for (const path of [`/cart/${text}`, `/legacy/shoe-01.html?${text}`])
      http
        .get({ host, path, headers, timeout: 5_000 }, (answer) => answer.resume())
        .on('error', () => undefined);
  }, everyMs);
  return () => clearInterval(timer);
}
