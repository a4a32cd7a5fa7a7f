import { pino } from 'pino';
import { expect, it } from 'vitest';
import { defineSystem } from '../../src/checks/contract.ts';
import { Config } from '../../src/config/schema.ts';
import { Stack } from '../../src/config/stack.ts';
import { HealthBoard } from '../../src/health/health.ts';
import { History } from '../../src/history/history.ts';
import { Watcher } from '../../src/schedule/watcher.ts';
import { localTargets } from '../remediations/doubles.ts';

it('is warm when each cheap collector has two snapshots or has failed: one alone gives no rate to judge', async () => {
  const config = Config.parse({ hosts: { me: { local: true } } });
  const stack = new Stack(config);
  let fails = false;
  const host = defineSystem<object>({
    ...{ id: 'host', watches: 'host', checks: [], views: [], figures: () => '' },
    collectors: [
      {
        ...{ id: 'cheap', everySeconds: 5 },
        collect: async () => {
          if (fails) throw new Error('broken');
          return {};
        },
        measure: () => ({ readings: [], facts: {} }),
      },
      {
        ...{ id: 'dear', everySeconds: 60 },
        collect: async () => ({}),
        measure: () => ({ readings: [], facts: {} }),
      },
    ],
  });
  const made = () =>
    new Watcher({
      ...{
        systems: [host],
        stack,
        config: () => config,
        targets: localTargets(stack),
        history: new History(),
      },
      ...{ health: new HealthBoard(), log: pino({ level: 'silent' }), now: Date.now },
    });
  const watcher = made();
  expect(watcher.warmedUp()).toBe(false);
  await watcher.tick(5);
  expect(watcher.warmedUp()).toBe(false);
  await watcher.tick(10);
  expect(watcher.warmedUp()).toBe(true);
  fails = true;
  const failing = made();
  await failing.tick(5);
  expect(failing.warmedUp()).toBe(true);
});
