import { decodeBlocks } from '../../test/chat/slack/stand-in/decode.ts';
import { LAUNCH, SlackStandIn } from '../../test/chat/slack/stand-in/index.ts';
import { buttonsOf } from '../../test/chat/slack/stand-in/people.ts';
import type { BlockJson, ShownMessage } from '../../test/chat/slack/stand-in/world.ts';
import { eventually } from '../proof.ts';
import type { Card, ChatStage, Who } from './stage.ts';

const IDS: Readonly<Record<Who, string>> = { ada: 'U0ADA', ben: 'U0BEN', otto: 'U0OTTO', eve: 'U0EVE' };
const ANSWER_MS = 15_000;

/** Slack's stand-in in Socket Mode, with the people of the lab in the launch channel. */
export async function slackStage(): Promise<ChatStage & { readonly standIn: SlackStandIn }> {
  const standIn = new SlackStandIn();
  const { world } = standIn;
  for (const [name, id] of Object.entries(IDS)) {
    world.users.set(id, { id, name, team_id: world.team });
    world.launch.members.add(id);
  }
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
