import type { ProposalJson } from '../../../src/bot/contract.ts';
import type { Act } from '../../proof.ts';
import { eventually } from '../../proof.ts';
import type { Actor } from './acts.ts';
import type { Scene } from './strangers.ts';

export interface Faces {
  readonly adaOnSlack: Actor;
  readonly adaOnDiscord: Actor;
  readonly benOnSlack: Actor;
  readonly benOnDiscord: Actor;
  readonly second: readonly Actor[];
}

/** Who asked is who asked, under whatever account; proposals that ended, and plans that were replaced, stay ended. */
export async function identities(act: Act, scene: Scene, faces: Faces): Promise<void> {
  const { bot, cure, incident } = scene;
  const { adaOnSlack, adaOnDiscord, benOnSlack, benOnDiscord } = faces;
  const refused = await adaOnDiscord.press(`refuse:${cure.id}:${cure.planHash}`);
  act.check('ada refuses a proposal', /refused by ada/.test(refused.text), refused.text.trim());
  for (const [actor, kind] of [
    [adaOnSlack, 'approve'],
    [benOnDiscord, 'approve'],
    [adaOnSlack, 'refuse'],
  ] as const) {
    const told = await actor.press(`${kind}:${cure.id}:${cure.planHash}`);
    act.check(
      `${actor.who}: ${kind} of what ended is told its end`,
      /refused/i.test(told.text) && !/may not/.test(told.text),
      told.text.trim().slice(0, 120),
    );
  }
  // An application that is too slow to be planned for is asked about again.
  let answer = '';
  const mine = await eventually(
    'the proposal that ben asks for',
    async () => {
      answer = (await benOnSlack.type(`fix ${cure.id}`)).text;
      const { proposals } = await bot.incident(incident);
      return proposals.find((one) => one.askers.includes('ben') && one.state === 'pending');
    },
    90_000,
    3_000,
  ).catch((thrown: unknown) => {
    act.say(`ben was told: ${answer.slice(0, 300)}`);
    throw thrown;
  });
  act.check(
    'ben asks for it again on Slack',
    mine.askers.join() === 'ben',
    `${mine.id} by ${mine.askers.join()}`,
  );
  const old = await adaOnSlack.press(`approve:${mine.id}:${cure.planHash}`);
  act.check(
    'the hash of the older plan does not approve the new one',
    mine.planHash !== cure.planHash &&
      /plan/i.test(old.text) &&
      (await bot.proposal(mine.id)).state === 'pending',
    old.text.trim().slice(0, 120),
  );
  await ownAsker(act, scene, faces, mine);
  const approved = await adaOnDiscord.press(`approve:${mine.id}:${mine.planHash}`);
  act.check('ada may, on Discord', /approved by ada/.test(approved.text), approved.text.trim());
  const again = await adaOnSlack.press(`approve:${mine.id}:${mine.planHash}`);
  act.check('and her second press finds it done', /already/.test(again.text), again.text.trim());
  await eventually(
    'it to be carried out',
    async () => ((await bot.proposal(mine.id)).state === 'pending' ? undefined : true),
    10_000,
  );
  const own = scene.records.read<{ n: number }>(
    "select count(*) as n from audit where what = 'approve' and json like ?",
    `%"${mine.id}"%`,
  )[0]?.n;
  act.check('one approval in the audit log', own === 1, `${own}`);
}

async function ownAsker(act: Act, { bot, records }: Scene, faces: Faces, mine: ProposalJson): Promise<void> {
  const press = `approve:${mine.id}:${mine.planHash}`;
  const from = records.lastRow();
  const told = [
    await faces.benOnSlack.press(press),
    await faces.benOnSlack.type(`approve ${mine.id}`),
    await faces.benOnDiscord.press(press),
    await faces.benOnDiscord.type(`approve ${mine.id}`),
  ].map(({ text }) => text.trim());
  const console = await bot.approve(mine, 'ben');
  act.check(
    'ben may not approve what he asked for: on Slack, on Discord, by button, by command, in the console',
    told.every((text) => /you asked for it/.test(text)) &&
      console.status === 403 &&
      /you asked for it/.test(JSON.stringify(console.body)),
    `${told[2]} · console ${console.status}`,
  );
  const seconds = [];
  for (const actor of faces.second)
    seconds.push(await actor.press(press), await actor.type(`approve ${mine.id}`));
  act.check(
    'nor does a second account of his that nobody linked',
    seconds.every(({ text }) => /rights are none|your rights: none|may not/i.test(text)),
    seconds[0]?.text.trim().slice(0, 120),
  );
  const rows = records.read<{ n: number }>(
    "select count(*) as n from audit where seq > ? and what = 'approve refused'",
    from,
  )[0]?.n;
  act.check('each of these is in the audit log', rows === 9, `${rows} rows`);
  act.check('and it still waits', (await bot.proposal(mine.id)).state === 'pending');
}
