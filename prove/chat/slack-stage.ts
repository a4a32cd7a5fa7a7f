import { decodeBlocks } from '../../test/chat/slack/stand-in/decode.ts';
import { LAUNCH, type Misdeed, SlackStandIn } from '../../test/chat/slack/stand-in/index.ts';
import { buttonsOf } from '../../test/chat/slack/stand-in/people.ts';
import type { BlockJson, ShownMessage } from '../../test/chat/slack/stand-in/world.ts';
import { eventually } from '../proof.ts';
import type { Card, ChatStage, Moment, Spoil, Who } from './stage.ts';

const IDS: Readonly<Record<Who, string>> = { ada: 'U0ADA', ben: 'U0BEN', otto: 'U0OTTO', eve: 'U0EVE' };
/** Posts, edits, answers and searches; signing in is left alone. */
const SPOILT = /^chat\.|^conversations\.(history|replies)/;
const MISDEEDS: Readonly<Record<Spoil, Misdeed>> = {
  'rate limit': { kind: 'rate-limit', retryAfter: 1 },
  outage: { kind: 'status', status: 503 },
  'lost before': { kind: 'lost' },
  'lost after': { kind: 'processed-then-reset' },
  late: { kind: 'delay', ms: 700 },
};
const STRUCK: Readonly<Record<Moment, RegExp>> = {
  asked: /^chat\.postMessage$/,
  done: /^chat\.postMessage$/,
  answered: /^chat\.(postMessage|update)$/,
  searched: /^conversations\./,
};
const ANSWER_MS = 15_000;

/** Slack's stand-in in Socket Mode, with the people of the lab in the launch channel. */
export async function slackStage(): Promise<ChatStage & { readonly standIn: SlackStandIn }> {
  const standIn = new SlackStandIn();
  const { world } = standIn;
  for (const [name, id] of Object.entries(IDS)) {
    world.users.set(id, { id, name, team_id: world.team });
    world.launch.members.add(id);
  }
  let spoilt: Misdeed | undefined;
  let struck: { readonly moment: Moment; readonly hit: () => void; passing: number } | undefined;
  standIn.rules.mood = (method) => {
    if (!SPOILT.test(method)) return undefined;
    const fits = struck && STRUCK[struck.moment].test(method);
    if (struck && fits && struck.passing > 0) struck.passing -= 1;
    else if (struck && fits) {
      const { moment, hit } = struck;
      struck = undefined;
      // Behind what the stand-in does with this call.
      if (moment === 'asked' || moment === 'searched') hit();
      else setImmediate(hit);
      if (moment === 'answered') return undefined;
      return { kind: moment === 'done' ? 'processed-then-silent' : 'silent' };
    }
    const now = spoilt;
    spoilt = undefined;
    return now;
  };
  await standIn.start();
  const cardsOf = (thread: string | undefined) =>
    world.launch.messages
      .filter((message) => message.thread_ts === thread && message.user === world.bot.user)
      .map((message) => cardOf(message, world.launch.pins));
  /** The answer that comes after what was done. */
  const answered = async (who: Who, act: () => void): Promise<string> => {
    const before = world.ephemerals.length;
    act();
    const told = await eventually(
      `an answer to ${who}`,
      () => world.ephemerals.slice(before).find((one) => one.user === IDS[who]),
      ANSWER_MS,
      20,
    );
    return textOf(told.blocks, told.text);
  };
  return {
    standIn,
    platform: 'slack',
    settings: {
      ...{ channel: LAUNCH, api: standIn.api },
      botToken: { env: 'PROVE_SLACK_BOT_TOKEN' },
      appToken: { env: 'PROVE_SLACK_APP_TOKEN' },
    },
    env: { PROVE_SLACK_BOT_TOKEN: world.botToken, PROVE_SLACK_APP_TOKEN: world.appToken },
    ids: IDS,
    connected: () => standIn.link.greeted >= 2,
    cards: () => cardsOf(undefined),
    replies: (card) => cardsOf(card.id),
    press: (who, card, label) => answered(who, () => void standIn.press(IDS[who], card.id, label)),
    command: (who, text) => answered(who, () => void standIn.command(IDS[who], text)),
    kept: () =>
      world.launch.messages
        .filter((message) => message.user === world.bot.user)
        .map((message) => ({
          id: message.ts,
          thread: message.thread_ts,
          at: Number(message.ts) * 1000,
          rows: message.outboxIds,
        })),
    type: (who, text, times = 1) => {
      const delivery = standIn.command(IDS[who], text);
      // Slack sends one again that it holds for lost: under a new envelope, or under the old one once that is answered.
      if (times > 1) standIn.people.repeat(delivery, 'new');
      if (times > 2)
        delivery.acknowledged.then(
          () => standIn.people.repeat(delivery, 'same'),
          () => undefined,
        );
      return {
        acknowledgedMs: delivery.acknowledged.then(
          ({ afterMs }) => afterMs,
          () => undefined,
        ),
      };
    },
    answers: () => world.ephemerals.map((one) => textOf(one.blocks, one.text)),
    spoil: (what) => {
      spoilt = MISDEEDS[what];
    },
    strike: (moment, hit, passing = 0) => {
      struck = { moment, hit, passing };
    },
    stop: () => standIn.stop(),
  };
}

function cardOf(message: ShownMessage, pins: readonly string[]): Card {
  return {
    id: message.ts,
    text: textOf(message.blocks, message.text),
    buttons: buttonsOf(message).map((button) => button.text.text),
    edits: message.edits.length,
    pinned: pins.includes(message.ts),
  };
}

/** As it is read on the screen: one line a block and line. */
function textOf(blocks: readonly BlockJson[], fallback: string): string {
  if (blocks.length === 0) return fallback;
  return blocks
    .map((block) => decodeBlocks([block]).text)
    .join('\n')
    .trim();
}
