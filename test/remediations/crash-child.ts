import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { Config } from '../../src/config/schema.ts';
import { Stack } from '../../src/config/stack.ts';
import type { AnyStepType } from '../../src/remediations/contract.ts';
import { Guard } from '../../src/remediations/guard.ts';
import { REMEDIATIONS, STEP_TYPES } from '../../src/remediations/index.ts';
import { openStore } from '../../src/store/store.ts';
import { as, localTargets, saidHistory, seenWith, silent } from './doubles.ts';

/** One life of the bot: begins a run or goes on with one, and may die by its own SIGKILL at a named point. */
interface Life {
  readonly dir: string;
  readonly config: object;
  /** What is approved in this life; without it the life only goes on. */
  readonly begin: boolean;
  readonly killAt: string | null;
  readonly helps: boolean;
}

const life = JSON.parse(process.argv[2] ?? '') as Life;
const config = Config.parse(life.config);
const stack = new Stack(config);
const appliedFlag = `${life.dir}/applied`;
const store = openStore(`${life.dir}/warroom.db`);

/** Each application is written down with what was there before it. */
const watched = STEP_TYPES.map(
  (type): AnyStepType => ({
    ...type,
    describe: (args) => type.describe(args),
    look: (args, context) => type.look(args, context),
    ...(type.revert ? { revert: async (args, context) => type.revert?.(args, context) } : {}),
    apply: async (args, context) => {
      appendFileSync(`${life.dir}/applies`, `${type.type} ${await type.look(args, context)}\n`);
      const applying = type.apply(args, context);
      if (life.killAt === `inside:${type.type}`) {
        applying.catch(() => undefined);
        while ((await type.look(args, context)) !== 'present') await setTimeout(1);
        process.kill(process.pid, 'SIGKILL');
      }
      await applying;
    },
  }),
);

const guard = new Guard({
  ...{ store, stack, config: () => config, targets: localTargets(stack), now: Date.now, log: silent },
  seen: seenWith(
    saidHistory(Date.now, (metric) => {
      if (metric === 'visitors.requests') return 50;
      return existsSync(appliedFlag) && life.helps ? 1 : 40;
    }),
  ),
  publish: async (tx, change) => {
    if (change.what === '') return;
    const row = { incident: change.incident, at: change.at, what: change.what, by: change.by ?? null };
    await tx.insertInto('timeline').values(row).execute();
  },
  onChange: () => undefined,
  remediations: REMEDIATIONS,
  stepTypes: watched,
  sleep: (ms) => setTimeout(ms / 100),
  at: (point) => {
    if (point === 'settling') writeFileSync(appliedFlag, '');
    if (point === life.killAt) process.kill(process.pid, 'SIGKILL');
  },
});
await guard.start();
if (life.begin) {
  const made = await guard.propose(7, {
    ...{ remediation: 'cache-rule', effect: 'cure' },
    params: { service: 'edge', form: 'ttl', pattern: '/legacy/', paths: ['/legacy/1'], share: 0.5 },
  });
  if ('refused' in made) throw new Error(made.refused);
  const pressed = await guard.approve(made.id, made.planHash, as('ada'));
  if (!pressed.ok) throw new Error(pressed.reason);
}
await guard.idle();
await guard.stop();
await store.close();
process.exit(0);
