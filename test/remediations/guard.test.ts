import { sql } from 'kysely';
import { beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Config } from '../../src/config/schema.ts';
import { Stack } from '../../src/config/stack.ts';
import {
  type AnyRemediation,
  defineRemediation,
  defineStep,
  type Look,
  type ProposalJson,
  type Refusal,
  type Verify,
} from '../../src/remediations/contract.ts';
import { Guard } from '../../src/remediations/guard.ts';
import type { GuardOptions } from '../../src/remediations/parts.ts';
import { verifyAudit } from '../../src/store/audit.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { as, localTargets, PEOPLE, saidHistory, seenWith, silent } from './doubles.ts';

/** A world of named switches that steps turn on, with ways to go wrong. */
interface World {
  readonly on: Set<string>;
  readonly applied: string[];
  readonly revertedNames: string[];
  fail: string | undefined;
  failRevert: string | undefined;
  partial: string | undefined;
  base: string;
}

const SwitchArgs = z.strictObject({ name: z.string() });
const VERIFY: Verify = {
  mode: 'all',
  goals: [
    {
      ...{ name: 'load', unit: 'count', metric: 'load', target: 'edge', direction: 'down', minimumGain: 0.2 },
      per: { metric: 'visitors.requests', target: 'edge' },
    },
  ],
  settleMs: 5_000,
  windowMs: 20_000,
  minimumTraffic: { metric: 'visitors.requests', target: 'edge', value: 1 },
};

let world: World;
let store: Store;
let clock: number;
let load: number;
let traffic: number | undefined;
let said: { what: string; reply: boolean; by?: string }[];
let guard: Guard;
let holdSleep: { release: () => void } | undefined;

function switches(risk: 'low' | 'high' = 'low', id = 'switch'): AnyRemediation {
  return defineRemediation<{ name: string; target: string }, string>({
    id,
    summary: 'turns a switch on',
    params: z.strictObject({ name: z.string(), target: z.string().default('edge') }),
    risk,
    budget: { runs: 3, perMs: 3_600_000 },
    blockMs: 600_000,
    prepare: async () => world.base,
    plan: (params, base) => ({
      ...{
        title: `Turn ${params.name} on`,
        effect: 'cure',
        risk,
        replaces: base,
        expects: 'less load',
        undo: 'off',
        target: params.target,
      },
      steps: ['1', '2'].map((part) => ({
        type: 'test.switch',
        version: 1,
        target: 'here',
        args: { name: `${params.name}${part}` },
      })),
      verify: VERIFY,
    }),
    precheck: async () => (world.base === 'broken' ? [{ refused: 'the base is broken' }] : []),
  });
}

const switchStep = defineStep<{ name: string }>({
  ...{ type: 'test.switch', version: 1, args: SwitchArgs, timeoutMs: 2_000 },
  describe: ({ name }) => ({ command: `on ${name}`, undo: `off ${name}` }),
  apply: async ({ name }) => {
    world.applied.push(name);
    if (world.fail === name) throw new Error(`${name} is stuck`);
    world.on.add(name);
  },
  look: async ({ name }): Promise<Look> =>
    world.partial === name && world.on.has(name) ? 'partial' : world.on.has(name) ? 'present' : 'absent',
  revert: async ({ name }) => {
    if (world.failRevert === name) throw new Error(`${name} does not go off`);
    world.revertedNames.push(name);
    world.on.delete(name);
  },
});

const baseConfig = {
  act: { user: 'acting' },
  hosts: { here: { local: true }, there: { local: true } },
  services: {
    edge: { kind: 'varnish', on: 'here', url: 'http://www.example.com' },
    other: { kind: 'varnish', on: 'there', url: 'http://other.example.com' },
  },
  people: PEOPLE,
};
let config: Config;

function make(more: Partial<GuardOptions> = {}): Guard {
  const stack = new Stack(config);
  return new Guard({
    ...{ store, stack, targets: localTargets(stack), config: () => config, log: silent },
    seen: seenWith(
      saidHistory(
        () => clock,
        (metric) => (metric === 'load' ? load : traffic),
      ),
    ),
    now: () => clock,
    publish: async (_tx, change) => {
      if (change.what !== '')
        said.push({ what: change.what, reply: change.reply, ...(change.by ? { by: change.by } : {}) });
    },
    onChange: () => undefined,
    remediations: [switches(), switches('high', 'big-switch')],
    stepTypes: [switchStep],
    sleep: async (ms, signal) => {
      if (holdSleep)
        await new Promise<void>((resolve, reject) => {
          (holdSleep as { release: () => void }).release = resolve;
          signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        });
      clock += ms;
    },
    ...more,
  });
}

beforeEach(() => {
  world = {
    on: new Set(),
    applied: [],
    revertedNames: [],
    fail: undefined,
    failRevert: undefined,
    partial: undefined,
    base: 'boot',
  };
  store = openStore(':memory:');
  clock = 1_700_000_000_000;
  load = 100;
  traffic = 50;
  said = [];
  holdSleep = undefined;
  config = Config.parse(baseConfig);
  guard = make();
});

const wish = (name = 'a', target = 'edge', remediation = 'switch') => ({
  remediation,
  params: { name, target },
  effect: 'cure' as const,
});

async function proposed(
  name = 'a',
  target = 'edge',
  asker?: string,
  remediation = 'switch',
): Promise<ProposalJson> {
  const made = await guard.propose(12, wish(name, target, remediation), asker);
  if ('refused' in made) throw new Error(made.refused);
  return made;
}

const press = (made: ProposalJson, name: string) => guard.approve(made.id, made.planHash, as(name));
const refusal = (made: ProposalJson | Refusal) => ('refused' in made ? made.refused : undefined);
/** Does it once everything is applied. */
const settled = (then: () => void) => (point: string) => {
  if (point === 'settling') then();
};
const turning = (value: number) =>
  make({
    at: settled(() => {
      load = value;
    }),
  });

async function audit(): Promise<{ who: string; what: string }[]> {
  return store.db.selectFrom('audit').select(['who', 'what']).orderBy('seq').execute();
}

test('a press that cannot be journalled is refused with the reason, and nothing is done', async () => {
  const made = await proposed('a');
  await sql`pragma max_page_count = 1`.execute(store.db);
  const many = 'x'.repeat(20_000);
  const full = await guard.approve(made.id, many, as('ada'));
  expect(full).toMatchObject({
    ok: false,
    status: 503,
    reason: expect.stringMatching(/nothing was done: .*full/),
  });
  expect(guard.proposal(made.id)?.state).toBe('pending');
  expect(world.applied).toEqual([]);
  await sql`pragma max_page_count = 100000`.execute(store.db);
  expect(await press(made, 'ada')).toMatchObject({ ok: true });
  await guard.idle();
});

describe('a proposal', () => {
  test('is stored with its plan, its end and its letter', async () => {
    const first = await proposed('a');
    const second = await proposed('b');
    expect([first.id, second.id]).toEqual(['12-A', '12-B']);
    expect(first).toMatchObject({
      state: 'pending',
      needed: 1,
      expiresAt: clock + 900_000,
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
    expect(refusal(await guard.propose(12, { ...wish(), withheld: 'the database is full' }))).toContain(
      'the database is full',
    );
    expect(refusal(await guard.propose(12, { ...wish(), params: { nonsense: 1 } }))).toContain('switch:');
    expect(refusal(await guard.propose(12, { ...wish(), remediation: 'rm-rf' }))).toContain(
      'no remediation rm-rf',
    );
    world.base = 'broken';
    expect(refusal(await guard.propose(12, wish()))).toBe('the base is broken');
    world.base = 'boot';
    config = Config.parse({ ...baseConfig, policy: { off: ['switch'] } });
    expect(refusal(await guard.propose(12, wish()))).toContain('switched off');
    expect(guard.whyNot('switch')[0]?.mend).toContain('policy.off');
  });

  test('is not the sixth of one person that waits', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await proposed(name, 'edge', 'cleo');
    expect(refusal(await guard.propose(12, wish('f'), 'cleo'))).toContain('5 proposals of yours');
    expect(refusal(await guard.propose(12, wish('f')))).toBeUndefined();
  });

  test('has a hash that does not move with the traffic, and does with the plan', async () => {
    const hash = async () => {
      const made = await guard.preview(wish());
      return 'refused' in made ? made.refused : made.planHash;
    };
    const before = await hash();
    load = 7;
    clock += 60_000;
    expect(await hash()).toBe(before);
    world.base = 'newer';
    expect(await hash()).not.toBe(before);
    expect(guard.proposals(0)).toEqual([]);
  });

  test('expires when nobody approves it, and says so at a late press', async () => {
    const made = await proposed();
    clock += 900_001;
    expect(await press(made, 'ada')).toMatchObject({
      ok: false,
      status: 409,
      reason: expect.stringContaining('expired'),
    });
    await guard.sweep();
    expect(guard.proposal('12-A')?.state).toBe('expired');
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
      const answer = await guard.approve(made.id, made.planHash, identity);
      expect(answer).toMatchObject({ ok: false, status });
      expect(!answer.ok && answer.reason).toContain(why);
    }
    expect(guard.proposal('12-A')?.state).toBe('pending');
    expect((await audit()).filter((row) => row.what === 'approve refused')).toHaveLength(6);
    expect(said.filter((one) => one.reply)).toEqual([]);
  });

  test('for a plan that was not the one seen is refused with the newer hash', async () => {
    const made = await proposed();
    const answer = await guard.approve(made.id, 'f'.repeat(64), as('ada'));
    expect(answer).toMatchObject({ ok: false, status: 409 });
    expect(!answer.ok && answer.reason).toContain(made.planHash);
    expect(await guard.approve('12-Z', made.planHash, as('ada'))).toMatchObject({ ok: false, status: 404 });
  });

  test('counts once: two people at the same moment, one run', async () => {
    const made = await proposed();
    const answers = await Promise.all([press(made, 'ada'), press(made, 'ben'), press(made, 'ada')]);
    expect(answers.filter((answer) => answer.ok)).toHaveLength(1);
    const lost = answers.find((answer) => !answer.ok);
    expect(lost).toMatchObject({ status: 409, reason: expect.stringContaining('already approved by ada') });
    await guard.idle();
    expect(world.applied).toEqual(['a1', 'a2']);
  });

  test('for high risk needs two people; one alone cannot be both', async () => {
    guard = turning(10);
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
    await guard.idle();
    expect(guard.proposal('12-A')?.state).toBe('kept');
  });

  test('carries the newest hash of the audit log to the outside', async () => {
    guard = turning(10);
    const answer = await press(await proposed(), 'ada');
    await guard.idle();
    const rows = await store.db.selectFrom('audit').selectAll().where('what', '=', 'approve').execute();
    const short = rows[0]?.hash.slice(0, 12) as string;
    expect(JSON.stringify(answer.message)).toContain(short);
    expect(said.some((one) => one.what.includes(short))).toBe(true);
    expect(said.filter((one) => /kept: .* audit [0-9a-f]{12}$/.test(one.what))).toHaveLength(1);
    expect(await verifyAudit(store.db, short)).toMatchObject({ ok: true });
  });

  test('on refuse ends a proposal', async () => {
    const made = await proposed();
    expect(await guard.refuse(made.id, made.planHash, as('stranger'))).toMatchObject({
      ok: false,
      status: 403,
    });
    expect(await guard.refuse(made.id, made.planHash, as('cleo'))).toMatchObject({
      ok: true,
      proposal: { state: 'refused' },
    });
    expect(await press(made, 'ada')).toMatchObject({ ok: false, status: 409 });
  });
});

describe('a run', () => {
  test('that helps is kept, with figures, told in few replies', async () => {
    guard = turning(40);
    await press(await proposed(), 'ada');
    await guard.idle();
    const done = guard.proposal('12-A') as ProposalJson;
    expect(done).toMatchObject({
      state: 'kept',
      verify: [{ before: 2, after: 0.8, wanted: 1.6, verdict: 'better' }],
    });
    expect(done.steps.map((step) => step.state)).toEqual(['applied', 'applied']);
    expect([...world.on]).toEqual(['a1', 'a2']);
    expect(said.filter((one) => one.reply).map((one) => one.what.split(':')[0])).toEqual([
      `12-A approved by ada. · audit ${said.find((one) => one.by === 'ada')?.what.slice(-12)}`,
      '12-A applied',
      '12-A kept',
    ]);
    const rows = await store.db.selectFrom('journal').select(['kind', 'step']).orderBy('seq').execute();
    expect(rows.map((row) => `${row.kind} ${row.step}`)).toEqual([
      ...['baseline -1', 'intent 0', 'outcome 0', 'intent 1', 'outcome 1', 'settled -1', 'verdict -1'],
    ]);
    expect(await verifyAudit(store.db)).toMatchObject({ ok: true });
  });

  test('that does not help is taken back in reverse order, and blocked for a while', async () => {
    guard = turning(95);
    await press(await proposed(), 'ada');
    await guard.idle();
    expect(guard.proposal('12-A')).toMatchObject({
      state: 'reverted',
      outcome: expect.stringContaining('Not better'),
    });
    expect(world.revertedNames).toEqual(['a2', 'a1']);
    expect(world.on.size).toBe(0);
    expect(refusal(await guard.propose(12, wish()))).toContain('not tried again');
    clock += 600_001;
    expect(refusal(await guard.propose(12, wish()))).toBeUndefined();
  });

  test('of which nothing can be told waits for a person, who keeps it', async () => {
    guard = make({
      at: settled(() => {
        traffic = undefined;
      }),
    });
    const made = await proposed();
    await press(made, 'ada');
    await guard.idle();
    const waiting = guard.proposal('12-A') as ProposalJson;
    expect(waiting).toMatchObject({ state: 'needs-human', waits: expect.stringContaining('15 min left') });
    expect(world.on.size).toBe(2);
    expect(await guard.refuse(made.id, made.planHash, as('cleo'))).toMatchObject({ ok: false, status: 403 });
    expect(await press(made, 'ben')).toMatchObject({ ok: true, proposal: { state: 'kept' } });
    expect(world.on.size).toBe(2);
  });

  test('of which nothing can be told is taken back when a person says so, or nobody does in time', async () => {
    guard = make({
      at: settled(() => {
        traffic = 0.5;
      }),
    });
    const first = await proposed('a');
    await press(first, 'ada');
    await guard.idle();
    expect(await guard.refuse(first.id, first.planHash, as('ben'))).toMatchObject({ ok: true });
    await guard.idle();
    expect(guard.proposal('12-A')?.state).toBe('reverted');
    traffic = 50;
    await press(await proposed('b'), 'ada');
    await guard.idle();
    clock += 900_001;
    await guard.sweep();
    await guard.idle();
    expect(guard.proposal('12-B')).toMatchObject({
      state: 'reverted',
      outcome: expect.stringContaining('nobody decided'),
    });
    expect(world.on.size).toBe(0);
  });

  test('without a baseline cannot be called better', async () => {
    traffic = undefined;
    guard = make({
      at: settled(() => {
        traffic = 50;
        load = 1;
      }),
    });
    await press(await proposed(), 'ada');
    await guard.idle();
    expect(guard.proposal('12-A')?.state).toBe('needs-human');
  });

  test('waits for the figures before the change, as after a restart', async () => {
    traffic = undefined;
    let pauses = 0;
    guard = make({
      sleep: async () => {
        pauses += 1;
        if (pauses === 5) traffic = 50;
      },
      at: settled(() => {
        load = 1;
      }),
    });
    await press(await proposed(), 'ada');
    await guard.idle();
    expect(guard.proposal('12-A')?.state).toBe('kept');
  });

  test('whose step fails takes back what was applied', async () => {
    world.fail = 'a2';
    await press(await proposed(), 'ada');
    await guard.idle();
    expect(guard.proposal('12-A')).toMatchObject({
      state: 'reverted',
      outcome: expect.stringContaining('a2 is stuck'),
    });
    expect(world.on.size).toBe(0);
    world.fail = 'b1';
    await press(await proposed('b'), 'ada');
    await guard.idle();
    expect(guard.proposal('12-B')).toMatchObject({
      state: 'failed',
      outcome: expect.stringContaining('Nothing of it was applied'),
    });
  });

  test('whose way back fails as well needs a human, and tells both errors', async () => {
    world.fail = 'a2';
    world.failRevert = 'a1';
    await press(await proposed(), 'ada');
    await guard.idle();
    const outcome = guard.proposal('12-A')?.outcome;
    expect(guard.proposal('12-A')).toMatchObject({ state: 'needs-human', waits: null });
    expect(outcome).toContain('a2 is stuck');
    expect(outcome).toContain('a1 does not go off');
  });

  test('that was carried out but cannot be seen is no success', async () => {
    world.partial = 'a1';
    await press(await proposed(), 'ada');
    await guard.idle();
    expect(guard.proposal('12-A')).toMatchObject({
      state: 'reverted',
      outcome: expect.stringContaining('a look finds it partial'),
    });
  });

  test('whose base changed since the approval is void', async () => {
    const made = await proposed();
    world.base = 'newer';
    await press(made, 'ada');
    await guard.idle();
    expect(guard.proposal('12-A')).toMatchObject({
      state: 'void',
      outcome: expect.stringContaining('changed since'),
    });
    expect(world.applied).toEqual([]);
    expect(said.at(-1)).toMatchObject({ reply: true, what: expect.stringContaining('12-A void') });
  });

  test('waits for another one in the same part of the stack, and not for one elsewhere', async () => {
    guard = turning(10);
    const [first, second, elsewhere] = [
      await proposed('a'),
      await proposed('b'),
      await proposed('c', 'other'),
    ];
    holdSleep = { release: () => undefined };
    await press(first, 'ada');
    await until(() => guard.proposal(first.id)?.state === 'settling');
    await press(second, 'ada');
    expect(guard.proposal(second.id)).toMatchObject({
      state: 'approved',
      waits: expect.stringMatching(/^waits for 12-A to be judged, \d+ s left$/),
    });
    await press(elsewhere, 'ada');
    await until(() => guard.proposal(elsewhere.id)?.state === 'settling');
    expect(world.on.has('b1')).toBe(false);
    const waiting = holdSleep;
    holdSleep = undefined;
    waiting.release();
  });

  test('does not begin while hands-off is on; what is under way is taken back at its next step', async () => {
    const made = await proposed();
    await guard.setHandsOff(true, 'cleo');
    expect(await press(made, 'ada')).toMatchObject({
      ok: false,
      reason: expect.stringContaining('hands-off is on'),
    });
    expect(refusal(await guard.propose(12, wish('b')))).toContain('hands-off');
    const again = make();
    await again.load();
    expect(again.handsOff()).toMatchObject({ by: 'cleo' });
    await guard.setHandsOff(false, 'ada');
    guard = make({
      at: async (point) => (point === 'applied:0' ? guard.setHandsOff(true, 'cleo') : undefined),
    });
    await guard.load();
    await press(made, 'ada');
    await guard.idle();
    expect(guard.proposal('12-A')).toMatchObject({
      state: 'reverted',
      outcome: expect.stringContaining('hands-off'),
    });
    expect(world.on.size).toBe(0);
  });

  test('is held to its budget', async () => {
    guard = turning(10);
    for (const name of ['a', 'b', 'c']) {
      load = 100;
      await press(await proposed(name), 'ada');
      await guard.idle();
    }
    expect(refusal(await guard.propose(12, wish('d')))).toContain('budget');
    expect(guard.whyNot('switch').map((one) => one.refused)).toEqual([expect.stringContaining('budget')]);
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
    guard = older;
    const made = await proposed();
    await press(made, 'ada');
    await until(() => stuck !== undefined);
    load = 100;
    const newer = turning(10);
    await newer.start();
    await newer.idle();
    expect(newer.proposal('12-A')?.state).toBe('kept');
    world.applied.length = 0;
    stuck?.();
    await older.idle();
    const row = await store.db.selectFrom('proposals').select('state').executeTakeFirstOrThrow();
    expect(row.state).toBe('kept');
    const outcomes = await store.db
      .selectFrom('journal')
      .select('seq')
      .where('kind', '=', 'outcome')
      .execute();
    expect(outcomes).toHaveLength(2);
    await newer.stop();
  });
});

async function until(ask: () => boolean): Promise<void> {
  await expect.poll(ask, { interval: 5 }).toBe(true);
}
