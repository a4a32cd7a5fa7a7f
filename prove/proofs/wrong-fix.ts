import { botFor } from '../bot.ts';
import { warmLab } from '../lab.ts';
import { eventually, type Proof, pause } from '../proof.ts';

/** A remedy that cannot help: not better, taken back by itself, said. */
export const wrongFix: Proof = {
  name: 'wrong-fix',
  shows: 'a rule for URLs that are not hot: not better, taken back by itself, said in the thread',
  seconds: 300,
  run: async (act) => {
    const lab = await warmLab(act);
    const bot = await botFor(act, lab.root);
    await lab.fault('no-redirect-cache', true);
    const opened = await eventually('a thread', async () => (await bot.incidents('open'))[0], 60_000);
    act.say(`#${opened.id} ${opened.title}`);
    // The overload is steady by then: what is compared is the fix, not the fault's own beginning.
    await pause(40_000);
    const asked = await bot.post<{ blocks: unknown }>(
      '/api/commands',
      { text: `fix cache-rule service=edge form=url-ttl urls=/ seconds=60 incident=${opened.id}` },
      'otto',
    );
    act.check('an operator proposes it', asked.status === 200, JSON.stringify(asked.body).slice(0, 300));
    const proposal = await eventually(
      'the proposal',
      async () => (await bot.incident(opened.id)).proposals.find((one) => one.params['form'] === 'url-ttl'),
      15_000,
    );
    const active = async () =>
      (await lab.varnishadm('vcl.list')).split('\n').find((line) => line.startsWith('active')) ?? '';
    const before = await active();
    const pressed = await bot.approve(proposal, 'ada');
    act.check('an approver presses', pressed.status === 200, String(pressed.status));
    await eventually(
      'the rule in force',
      async () => (/wr_/.test(await active()) ? true : undefined),
      60_000,
      100,
    );
    const during = await active();
    act.say(`in force: ${during.trim()}`);
    const done = await eventually(
      'its end',
      async () => {
        const now = await bot.proposal(proposal.id);
        return ['kept', 'reverted', 'failed', 'needs-human'].includes(now.state) ? now : undefined;
      },
      120_000,
      500,
    );
    act.check('reverted by itself', done.state === 'reverted', `${done.state}: ${done.outcome}`);
    act.check(
      'said "not better"',
      /not better/i.test(`${done.outcome} ${done.verify.map((goal) => goal.verdict).join(' ')}`),
    );
    const thread = await bot.incident(opened.id);
    act.check(
      'said in the thread',
      thread.messages.some((message) => /not better/i.test(JSON.stringify(message.message))),
    );
    act.check(
      'the old VCL is active again',
      (await active()).split(/\s+/).at(-1) === before.split(/\s+/).at(-1),
      `${before.trim()} -> ${(await active()).trim()}`,
    );
    for (const goal of done.verify)
      act.figure(
        goal.name,
        `${goal.before?.toFixed(3)} -> ${goal.after?.toFixed(3)} (wanted ${goal.wanted?.toFixed(3)})`,
      );
  },
};
