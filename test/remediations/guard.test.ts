import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { Config } from '../../src/config/schema.ts';
import { verifyAudit } from '../../src/store/audit.ts';
import { as } from './doubles.ts';
import { audit, baseConfig, press, proposed, refusal, turning, wish, world } from './guard-world.ts';

describe('a proposal', () => {
  test('is stored with its plan, its end and its letter', async () => {
    const first = await proposed('a');
    const second = await proposed('b');
    expect([first.id, second.id]).toEqual(['12-A', '12-B']);
    expect(first).toMatchObject({
      state: 'pending',
      needed: 1,
      expiresAt: world.clock + 900_000,
      waits: null,
      askers: [],
    });
    expect(first.steps.map((step) => [step.command, step.undo, step.state])).toEqual([
      ['on a1', 'off a1', 'planned'],
      ['on a2', 'off a2', 'planned'],
    ]);
  });

  test('that is there already is given again, not made twice', async () => {
    expect((await proposed('a')).id).toBe('12-A');
    expect((await proposed('a')).id).toBe('12-A');
    const both = await Promise.all([proposed('x'), proposed('y')]);
    expect(both.map((one) => one.id).sort()).toEqual(['12-B', '12-C']);
  });

  test('is refused with the rule that blocks it', async () => {
    expect(refusal(await world.guard.propose(12, { ...wish(), withheld: 'the database is full' }))).toContain(
      'the database is full',
    );
    expect(refusal(await world.guard.propose(12, { ...wish(), params: { nonsense: 1 } }))).toContain(
      'switch:',
    );
    expect(refusal(await world.guard.propose(12, { ...wish(), remediation: 'rm-rf' }))).toContain(
      'no remediation rm-rf',
    );
    world.base = 'broken';
    expect(refusal(await world.guard.propose(12, wish()))).toBe('the base is broken');
    world.base = 'boot';
    world.config = Config.parse({ ...baseConfig, policy: { off: ['switch'] } });
    expect(refusal(await world.guard.propose(12, wish()))).toContain('switched off');
    expect(world.guard.whyNot('switch')[0]?.mend).toContain('policy.off');
  });

  test('is not the sixth of one person that waits', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await proposed(name, 'edge', 'cleo');
    expect(refusal(await world.guard.propose(12, wish('f'), 'cleo'))).toContain('5 proposals of yours');
    expect(refusal(await world.guard.propose(12, wish('f')))).toBeUndefined();
  });

  test('has a hash that does not move with the traffic, and does with the plan', async () => {
    const hash = async () => {
      const made = await world.guard.preview(wish());
      return 'refused' in made ? made.refused : made.planHash;
    };
    const before = await hash();
    world.load = 7;
    world.clock += 60_000;
    expect(await hash()).toBe(before);
    world.base = 'newer';
    expect(await hash()).not.toBe(before);
    expect(world.guard.proposals(0)).toEqual([]);
  });

  test('expires when nobody approves it, and says so at a late press', async () => {
    const made = await proposed();
    world.clock += 900_001;
    expect(await press(made, 'ada')).toMatchObject({
      ok: false,
      status: 409,
      reason: expect.stringContaining('expired'),
    });
    await world.guard.sweep();
    expect(world.guard.proposal('12-A')?.state).toBe('expired');
    expect(world.applied).toEqual([]);
  });
});

describe('a press', () => {
  test('of somebody without the right changes nothing, is told why and is audited', async () => {
    const made = await proposed('a', 'edge', 'ben');
    for (const [identity, status, why] of [
      [as('stranger'), 403, 'rights'],
      [as('cleo'), 403, 'your rights are see, operate'],
      [as('ada', 'bot'), 403, 'a bot'],
      [as('ada', 'guest'), 403, 'a guest'],
      [as('ada', 'unverified'), 403, 'not vouched for'],
      [as('ben'), 403, 'you asked for it'],
    ] as const) {
      const answer = await world.guard.approve(made.id, made.planHash, identity);
      expect(answer).toMatchObject({ ok: false, status });
      expect(!answer.ok && answer.reason).toContain(why);
    }
    expect(world.guard.proposal('12-A')?.state).toBe('pending');
    expect((await audit()).filter((row) => row.what === 'approve refused')).toHaveLength(6);
    expect(world.said.filter((one) => one.reply)).toEqual([]);
  });

  test('for a plan that was not the one seen is refused with the newer hash', async () => {
    const made = await proposed();
    const answer = await world.guard.approve(made.id, 'f'.repeat(64), as('ada'));
    expect(answer).toMatchObject({ ok: false, status: 409 });
    expect(!answer.ok && answer.reason).toContain(made.planHash);
    expect(await world.guard.approve('12-Z', made.planHash, as('ada'))).toMatchObject({
      ok: false,
      status: 404,
    });
  });

  test('counts once: two people at the same moment, one run', async () => {
    const made = await proposed();
    const answers = await Promise.all([press(made, 'ada'), press(made, 'ben'), press(made, 'ada')]);
    expect(answers.filter((answer) => answer.ok)).toHaveLength(1);
    const lost = answers.find((answer) => !answer.ok);
    expect(lost).toMatchObject({ status: 409, reason: expect.stringContaining('already approved by ada') });
    await world.guard.idle();
    expect(world.applied).toEqual(['a1', 'a2']);
  });

  test('for high risk needs two people; one alone cannot be both', async () => {
    world.guard = turning(10);
    const made = await proposed('a', 'edge', undefined, 'big-switch');
    expect(made.needed).toBe(2);
    expect(await press(made, 'ada')).toMatchObject({
      ok: true,
      proposal: { state: 'pending', approvals: [{ by: 'ada' }] },
    });
    expect(await press(made, 'ada')).toMatchObject({
      ok: false,
      reason: expect.stringContaining('another person'),
    });
    expect(await press(made, 'ben')).toMatchObject({ ok: true });
    await world.guard.idle();
    expect(world.guard.proposal('12-A')?.state).toBe('kept');
  });

  test('carries the newest hash of the audit log to the outside', async () => {
    world.guard = turning(10);
    const answer = await press(await proposed(), 'ada');
    await world.guard.idle();
    const rows = await world.store.db.selectFrom('audit').selectAll().where('what', '=', 'approve').execute();
    const short = rows[0]?.hash.slice(0, 12) as string;
    expect(JSON.stringify(answer.message)).toContain(short);
    expect(world.said.some((one) => one.what.includes(short))).toBe(true);
    expect(world.said.filter((one) => /kept: .* audit [0-9a-f]{12}$/.test(one.what))).toHaveLength(1);
    expect(await verifyAudit(world.store.db, short)).toMatchObject({ ok: true });
  });

  test('on refuse ends a proposal', async () => {
    const made = await proposed();
    expect(await world.guard.refuse(made.id, made.planHash, as('stranger'))).toMatchObject({
      ok: false,
      status: 403,
    });
    expect(await world.guard.refuse(made.id, made.planHash, as('cleo'))).toMatchObject({
      ok: true,
      proposal: { state: 'refused' },
    });
    expect(await press(made, 'ada')).toMatchObject({ ok: false, status: 409 });
  });
});

test('a press that cannot be journalled is refused with the reason, and nothing is done', async () => {
  const made = await proposed('a');
  await sql`pragma max_page_count = 1`.execute(world.store.db);
  const many = 'x'.repeat(20_000);
  const full = await world.guard.approve(made.id, many, as('ada'));
  expect(full).toMatchObject({
    ok: false,
    status: 503,
    reason: expect.stringMatching(/nothing was done: .*full/),
  });
  expect(world.guard.proposal(made.id)?.state).toBe('pending');
  expect(world.applied).toEqual([]);
  await sql`pragma max_page_count = 100000`.execute(world.store.db);
  expect(await press(made, 'ada')).toMatchObject({ ok: true });
  await world.guard.idle();
});
