import type { Modal } from '../../../test/chat/discord/stand-in/validate.ts';
import { decodeBlocks } from '../../../test/chat/slack/stand-in/decode.ts';
import type { Rehearsal } from '../../chat/rehearsal.ts';
import { type Act, eventually } from '../../proof.ts';
import type { Stages } from './systems.ts';
import { ALL, PIECES, SHOUTS } from './texts.ts';

const ANSWER_MS = 20_000;

/** Text from people: commands, marks shown to all, reasons in forms, display names. Gives the forms that Discord showed. */
export async function hostilePeople(act: Act, bot: Rehearsal, stages: Stages): Promise<Modal[]> {
  misname(stages);
  const incident = String(bot.read<{ id: number }>('select min(id) as id from incidents')[0]?.id ?? 1);
  const texts = [
    `mark ${ALL} --here`,
    `mark ${SHOUTS.slice(0, 1_900)}`,
    // An emoji right where a mark ends.
    `mark ${'m'.repeat(198)}😀😀😀 --here`,
    ...PIECES.map((piece) => `${piece} why`),
    ...PIECES.map((piece) => `why "${piece}" --here`),
    ...[`why ${incident}`, `timeline ${incident}`, 'incidents', 'status --here', 'catch-up 1h'],
  ];
  let told = 0;
  for (const text of texts) {
    const who = told % 7 === 3 ? 'eve' : 'ada';
    await Promise.all([typedSlack(stages, who, text), typedDiscord(stages, who, text)]);
    told += 1;
  }
  act.check('every hostile command is answered on both platforms', told === texts.length, `${told} commands`);
  const marks = bot.read<{ text: string }>('select text from marks');
  act.check(
    'a mark is set by an operator, with its text, and never by somebody unlisted',
    marks.length > 0 && marks.every(({ text }) => text.length <= 200),
    `${marks.length} marks`,
  );
  const modals = await silenceByForm(stages, incident);
  const reasons = bot.read<{ reason: string; scope: string }>('select reason, scope from silences');
  act.check(
    'a silence with a hostile reason is in force from each platform',
    reasons.length >= 2 && reasons.every(({ reason }) => reason.startsWith('<!channel>')),
    `${reasons.length} scopes`,
  );
  await Promise.all([
    typedSlack(stages, 'ada', 'status --here'),
    typedDiscord(stages, 'ada', 'status --here'),
  ]);
  return modals;
}

/** Once delivered. */
export function namedAsText(act: Act, { slack, discord }: Stages): void {
  for (const stage of [slack, discord]) {
    const shown = stage.cards().map(({ text }) => text.replaceAll('\u2060', ''));
    act.check(
      `${stage.platform}: what eve showed to all carries her display name as text`,
      shown.some((text) =>
        text.includes('<!channel> @everyone *evilstar* ··[x](http://evil.example) asked:'),
      ),
    );
  }
}

/** Somebody whom the config does not list may call herself anything. */
function misname({ slack, discord }: Stages): void {
  const name = '<!channel> @everyone *evilstar* \u202e\u0000[x](http://evil.example)';
  const { users } = slack.standIn.world;
  const eve = users.get(slack.ids.eve);
  if (eve) users.set(eve.id, { ...eve, name });
  const member = discord.standIn.world.members.get(discord.ids.eve);
  if (member) member.user.username = name;
}

export async function typedSlack(
  { slack }: Pick<Stages, 'slack'>,
  who: 'ada' | 'eve',
  text: string,
): Promise<void> {
  const { world } = slack.standIn;
  const before = world.ephemerals.length;
  slack.standIn.command(slack.ids[who], text);
  await eventually(
    `an answer on Slack to ${text.slice(0, 40)}`,
    () => world.ephemerals.slice(before).some((one) => one.user === slack.ids[who]) || undefined,
    ANSWER_MS,
    10,
  );
}

async function typedDiscord({ discord }: Stages, who: 'ada' | 'eve', text: string): Promise<void> {
  const told = await discord.standIn.command(discord.ids[who], 'run', { text });
  if (told.text === '') throw new Error(`no answer on Discord to ${text.slice(0, 40)}`);
}

async function silenceByForm({ slack, discord }: Stages, incident: string): Promise<Modal[]> {
  const reason = `<!channel> ${ALL}`;
  const { world } = slack.standIn;
  const head = slack
    .cards()
    .find(({ text, buttons }) => text.includes(`#${incident}`) && buttons.includes('Silence'));
  const views = world.views.length;
  slack.standIn.press(slack.ids.ada, head?.id ?? '', 'Silence');
  const view = await eventually('the form on Slack', () => world.views[views], ANSWER_MS, 10);
  const before = world.ephemerals.length;
  slack.standIn.submit(view.id, { scope: incident, time: '15m', reason });
  await eventually(
    'Slack says that it is silenced',
    () => world.ephemerals.slice(before).find(({ blocks }) => /Silenced/.test(decodeBlocks(blocks).text)),
    ANSWER_MS,
    10,
  );
  const card = discord
    .cards()
    .find(({ text, buttons }) => text.includes(`#${incident}`) && buttons.includes('Silence'));
  const opened = await discord.standIn.press(discord.ids.ada, card?.id ?? '', 'Silence');
  const done = await discord.standIn.submit(opened, { scope: incident, time: '15m', reason });
  if (!/Silenced/.test(done.text)) throw new Error(`Discord did not silence: ${done.text.slice(0, 200)}`);
  return opened.modal ? [opened.modal] : [];
}
