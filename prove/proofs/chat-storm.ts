import { Dice } from '../chat/dice.ts';
import { discordStage } from '../chat/discord-stage.ts';
import { type Rehearsal, rehearsal } from '../chat/rehearsal.ts';
import { slackStage } from '../chat/slack-stage.ts';
import { type ChatStage, SPOILS } from '../chat/stage.ts';
import { headsRight, tally } from '../chat/tally.ts';
import { type Act, eventually, type Proof, pause } from '../proof.ts';

const SEED = 20260101;
const STORM_MS = 60_000;
const THREADS = 40;
const COMMANDS = 500;
const CHECK = 'memcached.latency';
const FIRST_MS = 2_000;
const HEADS_MS = 60_000;
const DRAINED_MS = 300_000;
const ACKNOWLEDGED_MS = 100;

/** An incident opens, changes twice, is over, and comes back: five changes. */
type Change = 'opens' | 'changes' | 'worsens' | 'ends' | 'comes back';
const LIFE: readonly Change[] = ['opens', 'changes', 'worsens', 'ends', 'comes back'];

interface Timed {
  readonly at: number;
  readonly run: () => void;
}

/** 200 changes and 500 commands in a minute, while both platforms limit, fail, drop, repeat and reorder. */
export const chatStorm: Proof = {
  name: 'chat-storm',
  shows:
    '200 changes and 500 commands in a minute of 429s, outages, lost and repeated calls: nothing lost or doubled',
  seconds: 470,
  run: async (act) => {
    const stages = [await slackStage(), await discordStage()];
    for (const stage of stages) act.after(() => stage.stop());
    const services = Array.from({ length: THREADS }, (_, n) => `cache${n + 1}`);
    const bot = rehearsal(act, stages, services);
    await bot.start();
    await eventually('both platforms', () => stages.every((stage) => stage.connected()) || undefined, 30_000);
    await eventually(
      'the hello',
      () => stages.every((stage) => stage.cards().length >= 2) || undefined,
      30_000,
    );

    const dice = new Dice(SEED);
    const acknowledged: Promise<number | undefined>[] = [];
    const words: string[] = [];
    let firstCritical = 0;
    const plan: Timed[] = [
      ...services.flatMap((service) =>
        life(dice, service, bot, (at) => {
          firstCritical ||= at;
        }),
      ),
      ...commands(dice, stages, acknowledged, words),
      ...weather(dice, stages),
    ].sort((a, b) => a.at - b.at);
    const begun = Date.now();
    for (const { at, run } of plan) {
      await pause(Math.max(0, begun + at - Date.now()));
      run();
    }
    const ended = Date.now();
    act.say(`the storm lasted ${((ended - begun) / 1000).toFixed(1)} s`);
    await firstOut(act, bot, stages, firstCritical);
    await eventually(
      'heads right',
      () => stages.every((stage) => headsRight(bot, stage)) || undefined,
      HEADS_MS + 30_000,
      500,
    );
    const headsMs = Date.now() - ended;
    act.check(
      `heads right within ${HEADS_MS / 1000} s`,
      headsMs <= HEADS_MS,
      `${(headsMs / 1000).toFixed(1)} s`,
    );
    act.lastWords(() => `waiting:\n${waits(bot)}`);
    await eventually('an empty outbox', () => (bot.waiting() === 0 ? true : undefined), DRAINED_MS, 1_000);
    act.figure('outbox empty after', `${((Date.now() - ended) / 1000).toFixed(0)} s`);
    for (const stage of stages) counted(act, bot, stage);
    await answered(act, stages, words, acknowledged);
  },
};

function life(dice: Dice, service: string, bot: Rehearsal, critical: (at: number) => void): Timed[] {
  const times = LIFE.map(() => dice.next() * (STORM_MS - 2_000)).sort((a, b) => a - b);
  return LIFE.map((change, i) => ({
    at: times[i] as number,
    run: () => {
      const bad = (level: 'warn' | 'critical', ms: number) =>
        bot.take(CHECK, service, [
          {
            level,
            certain: true,
            value: ms,
            unit: 'ms',
            summary: `An operation takes ${ms} ms (limit 2 ms).`,
          },
        ]);
      const ms = 3 + dice.below(90);
      if (change === 'opens' || change === 'comes back') critical(Date.now());
      if (change === 'ends')
        for (let good = 0; good < 3; good += 1) bot.take(CHECK, service, [{ cleared: true }]);
      else bad(change === 'changes' ? 'warn' : 'critical', ms);
    },
  }));
}

/** Each with a word of its own, so that its answer is known; a tenth is delivered again. */
function commands(
  dice: Dice,
  stages: readonly ChatStage[],
  acknowledged: Promise<number | undefined>[],
  words: string[],
): Timed[] {
  return Array.from({ length: COMMANDS }, (_, n) => ({
    at: dice.next() * (STORM_MS - 1_000),
    run: () => {
      const stage = stages[n % stages.length] as ChatStage;
      const word = `${90_000 + n}`;
      words.push(word);
      const again = dice.next() < 0.1 ? 1 + dice.below(3) : 1;
      acknowledged.push(stage.type(dice.pick(['ada', 'ben', 'otto']), `why ${word}`, again).acknowledgedMs);
    },
  }));
}

/** Something goes wrong on each platform twice a second. */
function weather(dice: Dice, stages: readonly ChatStage[]): Timed[] {
  return Array.from({ length: (STORM_MS / 1000) * 2 }, (_, n) => ({
    at: n * 500,
    run: () => {
      for (const stage of stages) stage.spoil(dice.pick(SPOILS));
    },
  }));
}

async function firstOut(act: Act, bot: Rehearsal, stages: readonly ChatStage[], at: number): Promise<void> {
  for (const stage of stages) {
    const row = bot.read<{ platform_id: string }>(
      "select platform_id from delivered where platform = ? and post = 'i1'",
      stage.platform,
    )[0];
    const shown = stage.kept().find((message) => message.id === row?.platform_id);
    const ms = (shown?.at ?? Number.POSITIVE_INFINITY) - at;
    act.check(
      `first critical on ${stage.platform} within ${FIRST_MS / 1000} s`,
      ms <= FIRST_MS,
      `${Math.round(ms)} ms`,
    );
  }
}

function waits(bot: Rehearsal): string {
  const rows = bot.read<object>(
    "select id, platform, post, state, attempts, not_before, problem from outbox where state in ('queued', 'sending', 'uncertain') limit 20",
  );
  return rows.map((row) => JSON.stringify(row)).join('\n');
}

function counted(act: Act, bot: Rehearsal, stage: ChatStage): void {
  const { posts, lost, doubled, stale, disordered } = tally(bot, stage);
  const given = bot.read<{ n: number }>(
    "select count(*) as n from outbox where platform = ? and state = 'superseded'",
    stage.platform,
  )[0]?.n;
  const bad = (ids: readonly string[]) =>
    `${ids.length}${ids.length > 0 ? `: ${ids.slice(0, 6).join(', ')}` : ''}`;
  act.check(`${stage.platform}: nothing lost`, lost.length === 0, `${bad(lost)} of ${posts}`);
  act.check(`${stage.platform}: nothing doubled`, doubled.length === 0, bad(doubled));
  act.check(`${stage.platform}: all in their newest version`, stale.length === 0, bad(stale));
  act.check(`${stage.platform}: order kept in each thread`, disordered.length === 0, bad(disordered));
  act.check(`${stage.platform}: nothing given up`, given === 0, String(given));
  act.figure(`${stage.platform} messages`, stage.kept().length);
}

async function answered(
  act: Act,
  stages: readonly ChatStage[],
  words: readonly string[],
  acknowledged: readonly Promise<number | undefined>[],
): Promise<void> {
  const missing = () => {
    const all = stages.flatMap((stage) => stage.answers()).join('\n');
    return words.filter((word) => !all.includes(word));
  };
  await eventually('all answers', () => missing().length === 0 || undefined, 20_000).catch(() => undefined);
  act.check(
    `${words.length} commands answered`,
    missing().length === 0,
    `${missing().length} without an answer`,
  );
  const times = (await Promise.all(acknowledged))
    .map((ms) => ms ?? Number.POSITIVE_INFINITY)
    .sort((a, b) => a - b);
  const worst = times.at(-1) ?? 0;
  const p99 = times[Math.floor(times.length * 0.99)] ?? 0;
  act.check(
    `acknowledged within ${ACKNOWLEDGED_MS} ms`,
    p99 <= ACKNOWLEDGED_MS,
    `p50 ${Math.round(times[Math.floor(times.length / 2)] ?? 0)} ms, p99 ${Math.round(p99)} ms, slowest ${Math.round(worst)} ms`,
  );
}
