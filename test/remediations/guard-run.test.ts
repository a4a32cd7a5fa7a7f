import { describe, expect, test } from 'vitest';
import type { ProposalJson } from '../../src/remediations/contract.ts';
import { verifyAudit } from '../../src/store/audit.ts';
import { as } from './doubles.ts';
import { make, press, proposed, refusal, settled, turning, until, wish, world } from './guard-world.ts';

describe('a run', () => {
  test('that helps is kept, with figures, told in few replies', async () => {
    world.guard = turning(40);
    await press(await proposed(), 'ada');
    await world.guard.idle();
    const done = world.guard.proposal('12-A') as ProposalJson;
    expect(done).toMatchObject({
      state: 'kept',
      verify: [{ before: 2, after: 0.8, wanted: 1.6, verdict: 'better' }],
    });
    expect(done.steps.map((step) => step.state)).toEqual(['applied', 'applied']);
    expect([...world.on]).toEqual(['a1', 'a2']);
    expect(world.said.filter((one) => one.reply).map((one) => one.what.split(':')[0])).toEqual([
      `12-A approved by ada. · audit ${world.said.find((one) => one.by === 'ada')?.what.slice(-12)}`,
      '12-A applied',
      '12-A kept',
    ]);
    const rows = await world.store.db.selectFrom('journal').select(['kind', 'step']).orderBy('seq').execute();
    expect(rows.map((row) => `${row.kind} ${row.step}`)).toEqual([
      ...['baseline -1', 'intent 0', 'outcome 0', 'intent 1', 'outcome 1', 'settled -1', 'verdict -1'],
    ]);
    expect(await verifyAudit(world.store.db)).toMatchObject({ ok: true });
  });

  test('that does not help is taken back in reverse order, and blocked for a while', async () => {
    world.guard = turning(95);
    await press(await proposed(), 'ada');
    await world.guard.idle();
    expect(world.guard.proposal('12-A')).toMatchObject({
      state: 'reverted',
      outcome: expect.stringContaining('Not better'),
    });
    expect(world.revertedNames).toEqual(['a2', 'a1']);
    expect(world.on.size).toBe(0);
    expect(refusal(await world.guard.propose(12, wish()))).toContain('not tried again');
    world.clock += 600_001;
    expect(refusal(await world.guard.propose(12, wish()))).toBeUndefined();
  });

  test('of which nothing can be told waits for a person, who keeps it', async () => {
    world.guard = make({
      at: settled(() => {
        world.traffic = undefined;
      }),
    });
    const made = await proposed();
    await press(made, 'ada');
    await world.guard.idle();
    const waiting = world.guard.proposal('12-A') as ProposalJson;
    expect(waiting).toMatchObject({ state: 'needs-human', waits: expect.stringContaining('15 min left') });
    expect(world.on.size).toBe(2);
    expect(await world.guard.refuse(made.id, made.planHash, as('cleo'))).toMatchObject({
      ok: false,
      status: 403,
    });
    expect(await press(made, 'ben')).toMatchObject({ ok: true, proposal: { state: 'kept' } });
    expect(world.on.size).toBe(2);
  });

  test('of which nothing can be told is taken back when a person says so, or nobody does in time', async () => {
    world.guard = make({
      at: settled(() => {
        world.traffic = 0.5;
      }),
    });
    const first = await proposed('a');
    await press(first, 'ada');
    await world.guard.idle();
    expect(await world.guard.refuse(first.id, first.planHash, as('ben'))).toMatchObject({ ok: true });
    await world.guard.idle();
    expect(world.guard.proposal('12-A')?.state).toBe('reverted');
    world.traffic = 50;
    await press(await proposed('b'), 'ada');
    await world.guard.idle();
    world.clock += 900_001;
    await world.guard.sweep();
    await world.guard.idle();
    expect(world.guard.proposal('12-B')).toMatchObject({
      state: 'reverted',
      outcome: expect.stringContaining('nobody decided'),
    });
    expect(world.on.size).toBe(0);
  });

  test('without a baseline cannot be called better', async () => {
    world.traffic = undefined;
    world.guard = make({
      at: settled(() => {
        world.traffic = 50;
        world.load = 1;
      }),
    });
    await press(await proposed(), 'ada');
    await world.guard.idle();
    expect(world.guard.proposal('12-A')?.state).toBe('needs-human');
  });

  test('waits for the figures before the change, as after a restart', async () => {
    world.traffic = undefined;
    let pauses = 0;
    world.guard = make({
      sleep: async () => {
        pauses += 1;
        if (pauses === 5) world.traffic = 50;
      },
      at: settled(() => {
        world.load = 1;
      }),
    });
    await press(await proposed(), 'ada');
    await world.guard.idle();
    expect(world.guard.proposal('12-A')?.state).toBe('kept');
  });

  test('whose step fails takes back what was applied', async () => {
    world.fail = 'a2';
    await press(await proposed(), 'ada');
    await world.guard.idle();
    expect(world.guard.proposal('12-A')).toMatchObject({
      state: 'reverted',
      outcome: expect.stringContaining('a2 is stuck'),
    });
    expect(world.on.size).toBe(0);
    world.fail = 'b1';
    await press(await proposed('b'), 'ada');
    await world.guard.idle();
    expect(world.guard.proposal('12-B')).toMatchObject({
      state: 'failed',
      outcome: expect.stringContaining('Nothing of it was applied'),
    });
  });

  test('whose way back fails as well needs a human, and tells both errors', async () => {
    world.fail = 'a2';
    world.failRevert = 'a1';
    await press(await proposed(), 'ada');
    await world.guard.idle();
    const outcome = world.guard.proposal('12-A')?.outcome;
    expect(world.guard.proposal('12-A')).toMatchObject({ state: 'needs-human', waits: null });
    expect(outcome).toContain('a2 is stuck');
    expect(outcome).toContain('a1 does not go off');
  });

  test('that was carried out but cannot be seen is no success', async () => {
    world.partial = 'a1';
    await press(await proposed(), 'ada');
    await world.guard.idle();
    expect(world.guard.proposal('12-A')).toMatchObject({
      state: 'reverted',
      outcome: expect.stringContaining('a look finds it partial'),
    });
  });

  test('whose base changed since the approval is void', async () => {
    const made = await proposed();
    world.base = 'newer';
    await press(made, 'ada');
    await world.guard.idle();
    expect(world.guard.proposal('12-A')).toMatchObject({
      state: 'void',
      outcome: expect.stringContaining('changed since'),
    });
    expect(world.applied).toEqual([]);
    expect(world.said.at(-1)).toMatchObject({ reply: true, what: expect.stringContaining('12-A void') });
  });

  test('waits for another one in the same part of the stack, and not for one elsewhere', async () => {
    world.guard = turning(10);
    const [first, second, elsewhere] = [
      await proposed('a'),
      await proposed('b'),
      await proposed('c', 'other'),
    ];
    world.holdSleep = { release: () => undefined };
    await press(first, 'ada');
    await until(() => world.guard.proposal(first.id)?.state === 'settling');
    await press(second, 'ada');
    expect(world.guard.proposal(second.id)).toMatchObject({
      state: 'approved',
      waits: expect.stringMatching(/^waits for 12-A to be judged, \d+ s left$/),
    });
    await press(elsewhere, 'ada');
    await until(() => world.guard.proposal(elsewhere.id)?.state === 'settling');
    expect(world.on.has('b1')).toBe(false);
    const waiting = world.holdSleep;
    world.holdSleep = undefined;
    waiting.release();
  });

  test('does not begin while hands-off is on; what is under way is taken back at its next step', async () => {
    const made = await proposed();
    await world.guard.setHandsOff(true, 'cleo');
    expect(await press(made, 'ada')).toMatchObject({
      ok: false,
      reason: expect.stringContaining('hands-off is on'),
    });
    expect(refusal(await world.guard.propose(12, wish('b')))).toContain('hands-off');
    const again = make();
    await again.load();
    expect(again.handsOff()).toMatchObject({ by: 'cleo' });
    await world.guard.setHandsOff(false, 'ada');
    world.guard = make({
      at: async (point) => (point === 'applied:0' ? world.guard.setHandsOff(true, 'cleo') : undefined),
    });
    await world.guard.load();
    await press(made, 'ada');
    await world.guard.idle();
    expect(world.guard.proposal('12-A')).toMatchObject({
      state: 'reverted',
      outcome: expect.stringContaining('hands-off'),
    });
    expect(world.on.size).toBe(0);
  });

  test('is held to its budget', async () => {
    world.guard = turning(10);
    for (const name of ['a', 'b', 'c']) {
      world.load = 100;
      await press(await proposed(name), 'ada');
      await world.guard.idle();
    }
    expect(refusal(await world.guard.propose(12, wish('d')))).toContain('budget');
    expect(world.guard.whyNot('switch').map((one) => one.refused)).toEqual([
      expect.stringContaining('budget'),
    ]);
  });

  test('of an older process writes nothing once a newer one goes on', async () => {
    let stuck: (() => void) | undefined;
    const older = make({
      at: (point) =>
        point === 'intent:1'
          ? new Promise<void>((resolve) => {
              stuck = resolve;
            })
          : undefined,
    });
    world.guard = older;
    const made = await proposed();
    await press(made, 'ada');
    await until(() => stuck !== undefined);
    world.load = 100;
    const newer = turning(10);
    await newer.start();
    await newer.idle();
    expect(newer.proposal('12-A')?.state).toBe('kept');
    world.applied.length = 0;
    stuck?.();
    await older.idle();
    const row = await world.store.db.selectFrom('proposals').select('state').executeTakeFirstOrThrow();
    expect(row.state).toBe('kept');
    const outcomes = await world.store.db
      .selectFrom('journal')
      .select('seq')
      .where('kind', '=', 'outcome')
      .execute();
    expect(outcomes).toHaveLength(2);
    await newer.stop();
  });
});
