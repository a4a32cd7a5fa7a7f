import { pino } from 'pino';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { defineCheck, defineSystem } from '../../src/checks/contract.ts';
import { Config } from '../../src/config/schema.ts';
import { Stack } from '../../src/config/stack.ts';
import { WarroomError } from '../../src/errors/catalogue.ts';
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

it('does not stand by what a slow collector saw once a quick one finds nobody there, until it is back', async () => {
  const config = Config.parse({ hosts: { me: { local: true } } });
  const stack = new Stack(config);
  let clock = 0;
  let thrown: Error | undefined;
  const check = (id: string, needs: string) =>
    defineCheck<object, object>({
      ...{ id, question: '', falseAlarm: '', thresholds: z.strictObject({}), needs: [needs] },
      judge: () => [{ level: 'ok', summary: 'fine' }],
    });
  const measure = () => ({ readings: [], facts: {} });
  const host = defineSystem<object>({
    ...{ id: 'host', watches: 'host', views: [], figures: () => '' },
    checks: [check('host.quick', 'quick'), check('host.slow', 'slow')],
    collectors: [
      {
        ...{ id: 'quick', everySeconds: 5, measure },
        collect: async () => {
          if (thrown) throw thrown;
          return {};
        },
      },
      { ...{ id: 'slow', everySeconds: 60, measure }, collect: async () => ({}) },
    ],
  });
  const watcher = new Watcher({
    ...{ systems: [host], stack, config: () => config, targets: localTargets(stack), history: new History() },
    ...{ health: new HealthBoard(), log: pino({ level: 'silent' }), now: () => clock },
  });
  const slow = () => watcher.findings().find((one) => one.check === 'host.slow');
  await watcher.tick(60);
  expect(slow()?.level).toBe('ok');
  clock = 5_000;
  thrown = new WarroomError('BAD_ANSWER', { target: 'me', expected: 'figures', problem: 'none' });
  await watcher.tick(65);
  expect(slow()?.level).toBe('ok');
  clock = 10_000;
  thrown = new WarroomError('TARGET_UNREACHABLE', { target: 'me', problem: 'refused', mend: 'Start it.' });
  await watcher.tick(70);
  expect(slow()).toMatchObject({ level: 'unknown', summary: expect.stringContaining('refused') });
  clock = 15_000;
  thrown = undefined;
  await watcher.tick(75);
  expect(slow()?.level).toBe('ok');
});
