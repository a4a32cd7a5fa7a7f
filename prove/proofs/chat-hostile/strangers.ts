import type { ProposalJson } from '../../../src/bot/contract.ts';
import type { Bot } from '../../bot.ts';
import type { Act } from '../../proof.ts';
import type { Actor, Told } from './acts.ts';
import type { Cast } from './cast.ts';
import type { Records } from './records.ts';
import type { Stages } from './systems.ts';

export interface Scene {
  readonly bot: Bot;
  readonly records: Records;
  readonly stages: Stages;
  readonly incident: string;
  readonly cure: ProposalJson;
  readonly relief: ProposalJson;
}

/** What every refusal says, one way or another. */
const NO = /may not|may do nothing|not vouched for/i;

/** Every kind of button that a card can have, and commands that look, change, decide and show. */
export function actsOn({ incident, relief: { id, planHash } }: Scene) {
  const buttons = [
    ...[`acknowledge:${incident}`, `silence:${incident}`, `timeline:${incident}`, `show-plan:${id}`],
    ...[`approve:${id}:${planHash}`, `refuse:${id}:${planHash}`, `give-back:${id}:${planHash}`],
    ...[`ask-again:${id}`, `parameters:${incident}.cache-rule`],
  ];
  const commands = [
    ...['', 'status', 'nonsense', 'whoami', 'catch-up', 'status --here', `why ${incident}`, `plan ${id}`],
    ...[`ack ${incident}`, `approve ${id}`, `approve ${id} ${planHash}`, `refuse ${id}`, 'mark evil'],
    ...['silence all 1h quiet', 'hands-off on', 'hands-off off'],
    `fix cache-rule incident=${incident} service=edge form=ttl pattern=/legacy/`,
  ];
  return { buttons, commands };
}

/** Whoever is not a member in good standing presses everything and types everything, and nothing comes of it. */
export async function strangers(act: Act, scene: Scene, cast: Cast): Promise<void> {
  const before = await scene.records.state(scene.bot);
  const from = scene.records.lastRow();
  const { buttons, commands } = actsOn(scene);
  const all = buttons.length + commands.length;
  const does = async (actor: Actor) => {
    const told: (readonly [string, Told])[] = [];
    for (const value of buttons) told.push([value, await actor.press(value)]);
    for (const text of commands) told.push([`/launch ${text}`, await actor.type(text)]);
    return told;
  };
  const said = new Map<Actor, Awaited<ReturnType<typeof does>>>();
  const bySlack = cast.refused.filter(({ account }) => account.startsWith('slack:'));
  const byDiscord = cast.refused.filter(({ account }) => account.startsWith('discord:'));
  await Promise.all(
    [bySlack, byDiscord].map(async (actors) => {
      for (const actor of actors) said.set(actor, await does(actor));
    }),
  );
  const { rules } = scene.stages.slack.standIn;
  const mood = rules.mood;
  rules.mood = (method) =>
    method === 'users.info' ? { kind: 'error', error: 'internal_error' } : mood(method);
  said.set(cast.mute, await does(cast.mute));
  rules.mood = mood;
  for (const [actor, told] of said) {
    const yes = told.filter(([, { text, form }]) => form || !NO.test(text));
    const rows = scene.records.refusals(from, actor.account);
    act.check(
      `${actor.who}: each press and command is answered no, and has its row`,
      yes.length === 0 && rows === all,
      yes.length === 0
        ? `${told.length} acts, ${rows} rows`
        : yes.map(([what, { text, form }]) => `${what}: ${form ? 'a form' : text.slice(0, 100)}`).join(' | '),
    );
  }
  for (const actor of cast.elsewhere) {
    const told = await does(actor);
    const odd = told.filter(([, { text, form }]) => form || !/answers in its own server only/.test(text));
    act.check(`${actor.who}: is told that it is the wrong place`, odd.length === 0, `${told.length} acts`);
  }
  const after = await scene.records.state(scene.bot);
  act.check(
    'nothing of all that changed anything',
    after === before,
    after === before ? 'same state' : `${before} -> ${after}`,
  );
  act.figure('refused acts', [...said.values()].flat().length);
}

/** The same acts by people who may: what is refused above is refused for who did it. */
export async function members(
  act: Act,
  scene: Scene,
  people: Readonly<Record<'ada' | 'otto', readonly Actor[]>>,
): Promise<void> {
  const { incident, relief } = scene;
  for (const ada of people.ada) {
    const forms = [
      await ada.press(`silence:${incident}`),
      await ada.press(`parameters:${incident}.cache-rule`),
      await ada.type(''),
    ];
    act.check(
      `${ada.who}: is given the forms`,
      forms.every(({ form }) => form),
    );
    const looks = [
      [await ada.press(`timeline:${incident}`), /\d\d:\d\d/],
      [await ada.press(`show-plan:${relief.id}`), /Plan of/],
      [await ada.press(`ask-again:${relief.id}`), /waits already/],
      [await ada.type('status'), /Shop relaunch/],
      [await ada.type(`why ${incident}`), /legacy/],
      [await ada.type(`plan ${relief.id}`), /Plan of/],
      [await ada.type('whoami'), /You are ada/],
      [await ada.type('nonsense'), /Did you mean|help lists them/],
      [await ada.type('hands-off on'), /is on/],
      [await ada.type('hands-off off'), /is off/],
    ] as const;
    const odd = looks.filter(([{ text }, wanted]) => !wanted.test(text));
    act.check(
      `${ada.who}: looks and switches`,
      odd.length === 0,
      odd[0]?.[0].text.slice(0, 200) ?? `${looks.length} acts`,
    );
  }
  for (const otto of people.otto) {
    const marked = await otto.type(`mark by ${otto.who}`);
    act.check(`${otto.who}: sets a mark`, /Marked/.test(marked.text), marked.text.trim());
  }
  const [otto] = people.otto;
  const taken = await otto?.press(`acknowledge:${incident}`);
  act.check('an operator acknowledges', /You have/.test(taken?.text ?? ''), taken?.text.trim());
  const inside = [await otto?.type('silence all 1h quiet'), await otto?.type('hands-off off')];
  act.check(
    'what an operator may not is refused too',
    inside.every((told) => NO.test(told?.text ?? '')),
  );
  act.check('and written down', scene.records.refusals(0, otto?.account ?? '') === 2);
}
