import { readFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { SITE } from '../../../lab/plan.ts';
import { botFor } from '../../bot.ts';
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
  act.after(hostileVisitors(lab.address('web1')));
  const open = await eventually(
    'two proposals',
    async () => {
      const incidents = await bot.incidents('open');
      return incidents.find(({ proposals }) =>
        ['cure', 'relief'].every((effect) =>
          proposals.some((one) => one.effect === effect && one.state === 'pending'),
        ),
      );
    },
    120_000,
  );
  const find = (effect: string) =>
    open.proposals.find((one) => one.effect === effect) as (typeof open.proposals)[number];
  const scene: Scene = {
    ...{ bot, stages, incident: open.id, records: new Records(config) },
    ...{ cure: find('cure'), relief: find('relief') },
  };
  act.say(`#${open.id} with ${scene.cure.id} and ${scene.relief.id}`);
  const { ids: s } = slack;
  const { ids: d } = discord;
  const ada = [onSlack(slack, 'ada on slack', s.ada), onDiscord(discord, 'ada on discord', d.ada)] as const;
  const otto = [onSlack(slack, 'otto on slack', s.otto), onDiscord(discord, 'otto on discord', d.otto)];
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
  await fromVarnish(act, stages, ada);
  await scene.records.verify(act);
}

/** What hostile visitors asked for is shown as they wrote it, and does nothing. */
async function fromVarnish(act: Act, stages: Stages, adas: readonly Actor[]): Promise<void> {
  for (const ada of adas) {
    const { text } = await ada.type('varnish misses');
    act.check(
      `${ada.who}: is shown the hostile URLs that Varnish has`,
      /<!channel>@everyone/.test(text),
      /[^\s]*<!channel>@everyone\S*/.exec(text)?.[0].slice(0, 100) ?? text.slice(0, 200),
    );
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
function hostileVisitors(host: string): () => void {
  const query = '<!channel>@everyone<@U0ADA>[evilmasked](http://evil.example)*evilstar*`eviltick`:100:';
  const timer = setInterval(() => {
    for (const path of [`/legacy/shoe-01.html?${query}`, `/${query}`])
      http
        .get({ host, path, headers: { Host: SITE, 'User-Agent': query }, timeout: 5_000 }, (answer) =>
          answer.resume(),
        )
        .on('error', () => undefined);
  }, 700);
  return () => clearInterval(timer);
}
