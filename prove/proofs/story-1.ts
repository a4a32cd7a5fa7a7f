import type { ProposalJson } from '../../src/bot/contract.ts';
import { type Bot, botFor, headText, sketch } from '../bot.ts';
import { warmLab } from '../lab.ts';
import { type Act, eventually, type Proof, pause } from '../proof.ts';
import { backendFetches, redirectsAgree } from '../redirects.ts';

const THREAD_S = 15;
const CAUSE_S = 5;

/** Legacy redirects overload the application: seen, explained, approved, healed, given back. */
export const story1: Proof = {
  name: 'story-1',
  shows: 'fault, thread, cause, approvals, healed, server given back',
  seconds: 470,
  run: async (act) => {
    const lab = await warmLab(act);
    const before = await redirectsAgree(lab);
    const bot = await botFor(act, lab.root);
    await eventually(
      'figures of visitors',
      async () => ((await bot.status()).visitors?.p95 != null ? true : undefined),
      40_000,
    );
    await pause(10_000);
    for (const early of await bot.incidents('open')) act.say(sketch(early));
    act.check(
      'quiet before the fault',
      (await bot.incidents('open')).length === 0,
      `${(await bot.incidents('open')).map((one) => one.title).join(', ') || 'no incident'}`,
    );

    const fault = Date.now();
    await lab.fault('no-redirect-cache', true);
    act.say('fault on');
    const opened = await eventually('a thread', async () => (await bot.incidents('open'))[0], 60_000);
    const toThread = (Date.now() - fault) / 1000;
    act.check(
      `a thread within ${THREAD_S} s`,
      toThread <= THREAD_S,
      `${toThread.toFixed(1)} s: ${opened.title}`,
    );
    const explained = await eventually(
      'the cause',
      async () => {
        const incident = await bot.incident(opened.id);
        return incident.cause === 'hot-uncached-redirects' ? incident : undefined;
      },
      60_000,
    );
    const toCause = (Date.now() - fault) / 1000;
    act.check(
      `the cause ${CAUSE_S} s later`,
      toCause - toThread <= CAUSE_S,
      `${(toCause - toThread).toFixed(1)} s: ${explained.title} (${explained.confidence})`,
    );
    act.check(
      'the head names URLs and shares',
      /\/legacy\//.test(headText(explained)) && /\d+ %/.test(headText(explained)),
    );
    const { cure, relief } = await eventually(
      'relief and cure',
      async () => proposalsOf(bot, opened.id),
      30_000,
    );
    act.check(
      'with exact commands',
      [cure, relief].every(
        (one) => one.steps.length > 0 && one.steps.every((step) => step.command.length > 5),
      ),
      `${cure.id} ${cure.steps.length} steps, ${relief.id} ${relief.steps.length} steps`,
    );

    await strangers(act, bot, relief);
    await approveAndKeep(act, bot, relief, 'ben', 120_000);
    await approveAndKeep(act, bot, await bot.proposal(cure.id), 'ada', 120_000);
    act.check(
      'ONE thread',
      (await bot.incidents()).filter((one) => one.state !== 'merged').length === 1,
      `${(await bot.incidents()).map((one) => `#${one.id} ${one.state} ${one.title}`).join('; ')}`,
    );

    const after = await redirectsAgree(lab);
    act.check(
      'same status and Location from Varnish',
      JSON.stringify(after) === JSON.stringify(before),
      `${after.length} URLs`,
    );
    const fetches = await backendFetches(lab, 10_000);
    act.check(
      'at most one backend request a URL',
      Math.max(0, ...fetches.values()) <= 1,
      `${[...fetches.values()].reduce((a, b) => a + b, 0)} in 10 s`,
    );
    let shown = '';
    const resolved = await eventually(
      'resolved by itself',
      async () => {
        const incident = await bot.incident(opened.id);
        const held = (await bot.status()).services
          .concat((await bot.status()).hosts)
          .flatMap((row) => row.findings)
          .filter((finding) => finding.level !== 'ok');
        const now = `${sketch(incident)}\n    bad now: ${held.map((finding) => `${finding.check}@${finding.target} ${finding.summary}`).join(' | ')}`;
        if (now !== shown) act.say(now);
        shown = now;
        return incident.state === 'resolved' ? incident : undefined;
      },
      150_000,
    );
    const toHealed = ((resolved.resolvedAt ?? 0) - fault) / 1000;
    const healed = lab.report();
    act.check("visitors' p95 back under its limit", (healed?.p95 ?? 9999) < 1000, `${healed?.p95} ms`);
    const back = await eventually(
      'remove-app-server offered',
      async () =>
        (await bot.incident(opened.id)).proposals.find(
          (one) => one.remediation === 'remove-app-server' && one.state === 'pending',
        ),
      60_000,
    );
    const failedBefore = lab.report()?.failed ?? 0;
    await approveAndKeep(act, bot, back, 'ada', 120_000);
    await pause(2_000);
    const failed = (lab.report()?.failed ?? 0) - failedBefore;
    act.check('given back without one failed request', failed === 0, `${failed} failed`);

    act.figure('to thread', `${toThread.toFixed(1)} s`);
    act.figure('to cause', `${toCause.toFixed(1)} s`);
    act.figure('to healed', `${toHealed.toFixed(0)} s`);
    act.figure('requests failed', `${lab.report()?.failed ?? 0} of ${lab.report()?.total ?? 0}`);
  },
};

async function proposalsOf(
  bot: Bot,
  id: string,
): Promise<{ cure: ProposalJson; relief: ProposalJson } | undefined> {
  const { proposals } = await bot.incident(id);
  const cure = proposals.find((one) => one.remediation === 'cache-rule');
  const relief = proposals.find((one) => one.remediation === 'add-app-server');
  return cure && relief ? { cure, relief } : undefined;
}

async function strangers(act: Act, bot: Bot, proposal: ProposalJson): Promise<void> {
  for (const who of ['eve', 'otto']) {
    const answer = await bot.approve(proposal, who);
    act.check(
      `${who}'s press is refused`,
      answer.status === 403,
      `${answer.status} ${JSON.stringify(answer.body).slice(0, 120)}`,
    );
  }
  act.check('and changed nothing', (await bot.proposal(proposal.id)).state === 'pending');
}

/** Presses Approve and follows the steps in the thread until the verdict. */
async function approveAndKeep(
  act: Act,
  bot: Bot,
  proposal: ProposalJson,
  who: string,
  deadlineMs: number,
): Promise<void> {
  const answer = await bot.approve(proposal, who);
  act.check(`${who} approves ${proposal.id} ${proposal.title}`, answer.status === 200, String(answer.status));
  const done = await eventually(
    `a verdict on ${proposal.id}`,
    async () => {
      const now = await bot.proposal(proposal.id);
      return ['kept', 'reverted', 'failed', 'needs-human', 'void', 'expired'].includes(now.state)
        ? now
        : undefined;
    },
    deadlineMs,
    500,
  );
  act.check(
    `${proposal.id} is kept`,
    done.state === 'kept',
    `${done.state} · ${done.outcome ?? ''} ${done.verify.map((goal) => `${goal.name} ${goal.before} -> ${goal.after} (wanted ${goal.wanted}) ${goal.verdict}`).join('; ')}`,
  );
}
