import { beforeEach, expect } from 'vitest';
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
import { openStore, type Store } from '../../src/store/store.ts';
import { as, localTargets, PEOPLE, saidHistory, seenWith, silent } from './doubles.ts';

/** Named switches that steps turn on, with ways to go wrong, and the guard that watches over them. */
interface World {
  on: Set<string>;
  applied: string[];
  revertedNames: string[];
  fail: string | undefined;
  failRevert: string | undefined;
  partial: string | undefined;
  base: string;
  store: Store;
  clock: number;
  load: number;
  traffic: number | undefined;
  said: { what: string; reply: boolean; by?: string }[];
  holdSleep: { release: () => void } | undefined;
  config: Config;
  guard: Guard;
}

/** The one of the test that runs: new for each. */
export const world = {} as World;

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

export const baseConfig = {
  act: { user: 'acting' },
  hosts: { here: { local: true }, there: { local: true } },
  services: {
    edge: { kind: 'varnish', on: 'here', url: 'http://www.example.com' },
    other: { kind: 'varnish', on: 'there', url: 'http://other.example.com' },
  },
  people: PEOPLE,
};

export function make(more: Partial<GuardOptions> = {}): Guard {
  const stack = new Stack(world.config);
  return new Guard({
    ...{ store: world.store, stack, targets: localTargets(stack), config: () => world.config, log: silent },
    seen: seenWith(
      saidHistory(
        () => world.clock,
        (metric) => (metric === 'load' ? world.load : world.traffic),
      ),
    ),
    now: () => world.clock,
    publish: async (_tx, change) => {
      if (change.what !== '')
        world.said.push({ what: change.what, reply: change.reply, ...(change.by ? { by: change.by } : {}) });
    },
    onChange: () => undefined,
    remediations: [switches(), switches('high', 'big-switch')],
    stepTypes: [switchStep],
    sleep: async (ms, signal) => {
      if (world.holdSleep)
        await new Promise<void>((resolve, reject) => {
          (world.holdSleep as { release: () => void }).release = resolve;
          signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        });
      world.clock += ms;
    },
    ...more,
  });
}

beforeEach(() => {
  Object.assign(world, {
    ...{ on: new Set(), applied: [], revertedNames: [], said: [], base: 'boot' },
    ...{ fail: undefined, failRevert: undefined, partial: undefined, holdSleep: undefined },
    ...{ store: openStore(':memory:'), clock: 1_700_000_000_000, load: 100, traffic: 50 },
    config: Config.parse(baseConfig),
  } satisfies Omit<World, 'guard'>);
  world.guard = make();
});

export const wish = (name = 'a', target = 'edge', remediation = 'switch') => ({
  remediation,
  params: { name, target },
  effect: 'cure' as const,
});

export async function proposed(
  name = 'a',
  target = 'edge',
  asker?: string,
  remediation = 'switch',
): Promise<ProposalJson> {
  const made = await world.guard.propose(12, wish(name, target, remediation), asker);
  if ('refused' in made) throw new Error(made.refused);
  return made;
}

export const press = (made: ProposalJson, name: string) =>
  world.guard.approve(made.id, made.planHash, as(name));
export const refusal = (made: ProposalJson | Refusal) => ('refused' in made ? made.refused : undefined);
/** Does it once everything is applied. */
export const settled = (then: () => void) => (point: string) => {
  if (point === 'settling') then();
};
export const turning = (value: number) =>
  make({
    at: settled(() => {
      world.load = value;
    }),
  });

export async function audit(): Promise<{ who: string; what: string }[]> {
  return world.store.db.selectFrom('audit').select(['who', 'what']).orderBy('seq').execute();
}

export async function until(ask: () => boolean): Promise<void> {
  await expect.poll(ask, { interval: 5 }).toBe(true);
}
