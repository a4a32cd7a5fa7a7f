import type { Doing } from '../../../test/chat/discord/stand-in/person.ts';
import { decodeBlocks } from '../../../test/chat/slack/stand-in/decode.ts';
import { LAUNCH } from '../../../test/chat/slack/stand-in/index.ts';
import { eventually } from '../../proof.ts';
import type { Discord, Slack } from './systems.ts';

/** What somebody alone was told, and whether a form came instead. */
export interface Told {
  readonly text: string;
  readonly form: boolean;
}

/** Somebody at one account of one platform. */
export interface Actor {
  readonly who: string;
  /** As the audit log writes the account. */
  readonly account: string;
  /** Presses a button of any value, as an old or a forged card would send it. */
  press(value: string): Promise<Told>;
  /** `/launch text`. */
  type(text: string): Promise<Told>;
}

const ANSWER_MS = 15_000;

export function onSlack(
  { standIn }: Slack,
  who: string,
  id: string,
  { channel = LAUNCH }: { readonly channel?: string } = {},
): Actor {
  const { world } = standIn;
  const told = async (act: () => unknown): Promise<Told> => {
    const direct = world.direct(id).messages;
    const [before, views, letters] = [world.ephemerals.length, world.views.length, direct.length];
    act();
    return eventually(
      `an answer to ${who}`,
      () => {
        if (world.views.slice(views).some((view) => view.user === id)) return { text: '', form: true };
        const one = world.ephemerals.slice(before).find(({ user }) => user === id) ?? direct[letters];
        return one && { text: decodeBlocks(one.blocks).text.replaceAll('\u2060', ''), form: false };
      },
      ANSWER_MS,
      5,
    );
  };
  const head = () =>
    world.launch.messages.find(({ thread_ts, user }) => !thread_ts && user === world.bot.user);
  return {
    who,
    account: `slack:${id}`,
    press: (value) => told(() => standIn.press(id, head()?.ts ?? '', value, { channel, actionId: value })),
    type: (text) => told(() => standIn.command(id, text, { channel })),
  };
}

export function onDiscord({ standIn }: Discord, who: string, id: string, doing: Doing = {}): Actor {
  const told = async (act: Promise<{ readonly text: string; readonly modal: unknown }>): Promise<Told> => {
    const { text, modal } = await act;
    return { text: text.replace(/\\([^A-Za-z0-9\s])/g, '$1'), form: modal !== undefined };
  };
  return {
    who,
    account: `discord:${id}`,
    press: (value) => told(standIn.pressRaw(id, value, doing)),
    type: (text) => told(standIn.command(id, 'run', text === '' ? {} : { text }, doing)),
  };
}
