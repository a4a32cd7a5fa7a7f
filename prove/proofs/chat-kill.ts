import { Dice } from '../chat/dice.ts';
import { discordStage } from '../chat/discord-stage.ts';
import { type Rehearsal, rehearsal } from '../chat/rehearsal.ts';
import { slackStage } from '../chat/slack-stage.ts';
import type { ChatStage, Moment } from '../chat/stage.ts';
import { tally } from '../chat/tally.ts';
import { eventually, type Proof } from '../proof.ts';

const SEED = 20260102;
const KILLS = 100;
const SERVICES = 40;
const CHECK = 'memcached.latency';
/** A moment that does not come: the bot is killed all the same. */
const MOMENT_MS = 2_500;
const DRAINED_MS = 150_000;

/** Pairs: an unknown outcome, and the search for it after the restart. queued: the row is behind another one. */
const PAIRS: readonly (readonly [Moment | 'queued', Moment | 'queued'])[] = [
  ['asked', 'searched'],
  ['done', 'searched'],
  ['answered', 'queued'],
  ['done', 'searched'],
  ['queued', 'answered'],
];

/** kill -9 at every state that a row of the outbox can be in, a hundred times, one after the other on one store. */
export const chatKill: Proof = {
  name: 'chat-kill',
  shows: 'kill -9 at every outbox state, 100 times: 0 lost, 0 doubled',
  seconds: 475,
  run: async (act) => {
    const [slack, discord] = [await slackStage(), await discordStage()];
    const stages = [slack, discord];
    for (const stage of stages) act.after(() => stage.stop());
    const services = Array.from({ length: SERVICES }, (_, n) => `cache${n + 1}`);
    const bot = rehearsal(act, stages, services);
    const dice = new Dice(SEED);
    const states = new Map<string, number>();
    let missed = 0;
    for (let n = 0; n < KILLS; n += 1) {
      const pair = n >> 1;
      const moment = PAIRS[pair % PAIRS.length]?.[n % 2] as Moment | 'queued';
      // Five pairs and two platforms: each pair comes to each of them.
      const stage = stages[pair % stages.length] as ChatStage;
      // Discord forgets a nonce after some minutes: then only what stands in the channel tells.
      if (dice.next() < 0.5) discord.standIn.world.forgetNonces();
      let hit = false;
      const struck = () => {
        hit = true;
        if (moment !== 'queued') bot.strike();
      };
      stage.strike(moment === 'queued' ? 'asked' : moment, struck, moment === 'searched' ? 0 : dice.below(2));
      await bot.start();
      change(dice, bot, services);
      if (moment === 'queued')
        await eventually('a row behind a call', () => (hit && queued(bot) > 0) || undefined, MOMENT_MS, 2)
          .catch(() => undefined)
          .then(() => bot.strike());
      await bot.gone(MOMENT_MS);
      if (!hit) missed += 1;
      for (const { platform, state } of unsent(bot))
        states.set(`${platform} ${state}`, (states.get(`${platform} ${state}`) ?? 0) + 1);
      if ((n + 1) % 10 === 0)
        act.say(`${n + 1} kills, ${bot.posts().length} posts, ${bot.waiting()} rows wait`);
    }
    for (const stage of stages) stage.strike('answered', () => undefined);
    await bot.start();
    await eventually('an empty outbox', () => (bot.waiting() === 0 ? true : undefined), DRAINED_MS, 500);
    act.check('most kills met their moment', missed <= KILLS / 3, `${KILLS - missed} of ${KILLS}`);
    const seen = [...states].map(([state, count]) => `${state} ${count}`).sort();
    for (const state of ['queued', 'sending', 'uncertain'])
      act.check(
        `killed with rows ${state}`,
        seen.some((one) => one.includes(state)),
        seen.join(', '),
      );
    for (const stage of stages) {
      const { posts, lost, doubled, stale, disordered } = tally(bot, stage);
      const ids = (all: readonly string[]) =>
        `${all.length}${all.length > 0 ? `: ${all.slice(0, 6).join(', ')}` : ''}`;
      act.check(`${stage.platform}: 0 lost`, lost.length === 0, `${ids(lost)} of ${posts}`);
      act.check(`${stage.platform}: 0 doubled`, doubled.length === 0, ids(doubled));
      act.check(`${stage.platform}: all in their newest version`, stale.length === 0, ids(stale));
      act.check(`${stage.platform}: order kept`, disordered.length === 0, ids(disordered));
      act.figure(`${stage.platform} messages`, stage.kept().length);
    }
    act.figure('kills', KILLS);
  },
};

/** Some threads open, change, end or come back. */
function change(dice: Dice, bot: Rehearsal, services: readonly string[]): void {
  for (let more = 0; more < 2; more += 1) {
    const service = dice.pick(services);
    const ms = 3 + dice.below(90);
    if (dice.next() < 0.35)
      for (let good = 0; good < 3; good += 1) bot.take(CHECK, service, [{ cleared: true }]);
    else
      bot.take(CHECK, service, [
        {
          ...{ level: 'critical', certain: true, value: ms, unit: 'ms' },
          summary: `An operation takes ${ms} ms (limit 2 ms).`,
        },
      ]);
  }
}

function queued(bot: Rehearsal): number {
  return bot.read<{ n: number }>("select count(*) as n from outbox where state = 'queued'")[0]?.n ?? 0;
}

function unsent(bot: Rehearsal): { platform: string; state: string }[] {
  return bot.read("select platform, state from outbox where state in ('queued', 'sending', 'uncertain')");
}
