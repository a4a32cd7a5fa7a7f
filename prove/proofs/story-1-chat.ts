import { botFor } from '../bot.ts';
import { discordStage } from '../chat/discord-stage.ts';
import { slackStage } from '../chat/slack-stage.ts';

import { type Card, type ChatStage, type Who, withChat } from '../chat/stage.ts';
import { warmLab } from '../lab.ts';
import { type Act, eventually, type Proof, pause } from '../proof.ts';
import { backendFetches, redirectsAgree } from '../redirects.ts';

const THREAD_S = 15;
const CAUSE_S = 5;
const VERDICT_MS = 120_000;
/** What a card says when its run is over. */
const ENDED = /Kept:|Reverted:|Failed:|Needs a human:|Void:/;

export const story1Slack: Proof = story('slack', slackStage);
export const story1Discord: Proof = story('discord', discordStage);

/** Story 1 with nothing but the platform's own buttons and commands, through the real client library. */
function story(platform: 'slack' | 'discord', open: () => Promise<ChatStage>): Proof {
  return {
    name: `story-1-${platform}`,
    shows: `story 1 through ${platform}'s own buttons and commands`,
    seconds: 470,
    run: async (act) => {
      const lab = await warmLab(act);
      const before = await redirectsAgree(lab);
      const stage = await open();
      act.after(() => stage.stop());
      const bot = await botFor(act, lab.root, withChat(lab.root, [stage]), stage.env);
      await eventually(`the bot on ${platform}`, () => stage.connected() || undefined, 30_000);
      act.lastWords(() => `the channel:\n${shown(stage).slice(-40).join('\n---\n')}`);
      await greeted(act, stage);
      const status = await stage.command('ada', 'status');
      act.check('/launch status answers the asker', /Shop relaunch/.test(status), firstLine(status));
      await pause(10_000);
      act.check(
        'quiet before the fault',
        heads(stage).length === 0,
        heads(stage)
          .map((one) => firstLine(one.text))
          .join(' | ') || 'no thread',
      );

      const fault = Date.now();
      const since = () => (Date.now() - fault) / 1000;
      await lab.fault('no-redirect-cache', true);
      act.say('fault on');
      await eventually('a thread', () => heads(stage)[0], 60_000, 50);
      const toThread = since();
      act.check(`a thread within ${THREAD_S} s`, toThread <= THREAD_S, `${toThread.toFixed(1)} s`);
      await eventually('the cause', () => heads(stage).find((one) => /Why:/.test(one.text)), 40_000, 50);
      const toCause = since();
      act.check(
        `the cause ${CAUSE_S} s later`,
        toCause - toThread <= CAUSE_S,
        `${(toCause - toThread).toFixed(1)} s`,
      );
      const head = only(stage);
      act.check('the head names URLs and shares', /legacy/.test(head.text) && /\d+ %/.test(head.text));

      const cure = await proposalCard(stage, /Cure/);
      const relief = await proposalCard(stage, /Relief/);
      act.check(
        'cure and relief wait in the thread',
        true,
        `${firstLine(cure.text)} | ${firstLine(relief.text)}`,
      );
      for (const who of ['eve', 'otto'] as const) {
        const told = await stage.press(who, relief, 'Approve');
        act.check(`${who}'s press is refused, and told so`, /may not approve/.test(told), firstLine(told));
      }
      const taken = await stage.press('otto', only(stage), 'Acknowledge');
      act.check('an operator takes it', /You have/.test(taken), firstLine(taken));
      await approveAndKeep(act, stage, relief, 'Approve', 'ben');
      await approveAndKeep(act, stage, cure, 'Approve', 'ada');
      act.check('the console shows the same', /ben/.test(JSON.stringify(await bot.incidents())));
      act.check('ONE thread', heads(stage).length === 1, `${heads(stage).length}`);

      const after = await redirectsAgree(lab);
      act.check('same status and Location from Varnish', JSON.stringify(after) === JSON.stringify(before));
      const fetches = await backendFetches(lab, 10_000);
      act.check('at most one backend request a URL', Math.max(0, ...fetches.values()) <= 1);
      await eventually(
        'resolved by itself',
        () => (/RESOLVED/.test(only(stage).text) ? true : undefined),
        150_000,
      );
      const toHealed = since();
      const back = await proposalCard(stage, /Give back/, 'Give back', 60_000);
      const failedBefore = lab.report()?.failed ?? 0;
      await approveAndKeep(act, stage, back, 'Give back', 'ada');
      await pause(2_000);
      const failed = (lab.report()?.failed ?? 0) - failedBefore;
      act.check('given back without one failed request', failed === 0, `${failed} failed`);
      const timeline = await stage.press('eve', only(stage), 'Timeline');
      act.check('the timeline names who did it', /ben/.test(timeline) && /ada/.test(timeline));
      act.figure('to thread', `${toThread.toFixed(1)} s`);
      act.figure('to cause', `${toCause.toFixed(1)} s`);
      act.figure('to healed', `${toHealed.toFixed(0)} s`);
      act.figure('edits of the head', only(stage).edits);
      act.figure('requests failed', `${lab.report()?.failed ?? 0} of ${lab.report()?.total ?? 0}`);
    },
  };
}

function shown(stage: ChatStage): string[] {
  return stage
    .cards()
    .flatMap((card) => [card.text, ...stage.replies(card).map((reply) => `    ${reply.text}`)]);
}

async function greeted(act: Act, stage: ChatStage): Promise<void> {
  const hellos = () => stage.cards().filter((card) => /Warroom watches/.test(card.text));
  await eventually('the hello', () => hellos()[0], 60_000);
  const board = await eventually('the board', () => stage.cards().find((card) => card.pinned), 10_000);
  act.check('one hello, who approves in it', hellos().length === 1 && /ada/.test(hellos()[0]?.text ?? ''));
  act.check('one pinned board', /nothing is open/.test(board.text), firstLine(board.text));
}

/** Incidents' heads in the channel. */
function heads(stage: ChatStage): Card[] {
  return stage.cards().filter((card) => !card.pinned && /#\d+/.test(firstLine(card.text)));
}

function only(stage: ChatStage): Card {
  const [head] = heads(stage);
  if (!head) throw new Error('the thread is gone');
  return head;
}

function proposalCard(stage: ChatStage, kind: RegExp, label = 'Approve', deadlineMs = 30_000): Promise<Card> {
  return eventually(
    `a proposal ${kind}`,
    () =>
      stage
        .replies(only(stage))
        .find((card) => kind.test(firstLine(card.text)) && card.buttons.includes(label)),
    deadlineMs,
  );
}

/** Presses, sees the buttons go, and follows the card until the verdict. */
async function approveAndKeep(
  act: Act,
  stage: ChatStage,
  proposal: Card,
  label: string,
  who: Who,
): Promise<void> {
  const now = () => stage.replies(only(stage)).find((card) => card.id === proposal.id) ?? proposal;
  const name = firstLine(proposal.text);
  const pressed = Date.now();
  const told = await stage.press(who, now(), label);
  act.check(`${who} presses ${label}: ${name}`, /approved by/.test(told), firstLine(told));
  await eventually('the buttons to go', () => !now().buttons.includes(label) || undefined, 10_000, 50);
  act.say(`the buttons went after ${Date.now() - pressed} ms`);
  const ended = await eventually(
    `a verdict on ${name}`,
    () => (ENDED.test(now().text) ? now() : undefined),
    VERDICT_MS,
    500,
  );
  act.check(`${name} is kept`, /Kept:/.test(ended.text), lineWith(ended.text, ENDED));
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0] ?? '';
}

function lineWith(text: string, pattern: RegExp): string {
  return text.split('\n').find((line) => pattern.test(line)) ?? '';
}
