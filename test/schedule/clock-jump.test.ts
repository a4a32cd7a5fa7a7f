import { afterEach, describe, expect, test, vi } from 'vitest';
import { startRounds } from '../../src/schedule/rounds.ts';
import type { Watcher } from '../../src/schedule/watcher.ts';

const HOUR_MS = 3_600_000;

afterEach(() => vi.useRealTimers());

describe('when the clock of this machine is set', () => {
  for (const [words, jump] of [
    ['back', -HOUR_MS],
    ['forward', HOUR_MS],
  ] as const)
    test(`${words} by an hour, rounds go on as before`, async () => {
      // The clock alone is ours: timers are those of the machine, as when somebody sets it.
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
      const real = performance.now();
      const began = Date.now();
      let set = 0;
      const follow = setInterval(() => vi.setSystemTime(began + set + (performance.now() - real)), 20);
      const seconds: number[] = [];
      const watcher = { tick: async (second: number) => void seconds.push(second) } as unknown as Watcher;
      const jumps: number[] = [];
      const rounds = startRounds(watcher, {
        afterTick: () => undefined,
        onError: (thrown) => {
          throw thrown;
        },
        onClockSet: (by) => void jumps.push(Math.round(by / 60_000)),
      });
      await expect.poll(() => seconds.length, { timeout: 8_000 }).toBeGreaterThanOrEqual(2);
      set = jump;
      const before = seconds.length;
      await expect.poll(() => seconds.length, { timeout: 12_000 }).toBeGreaterThanOrEqual(before + 2);
      clearInterval(follow);
      await rounds.stop();
      const last = seconds.at(-1) ?? 0;
      expect(Math.abs(last - (began + jump) / 1000)).toBeLessThan(40);
      expect(jumps).toEqual([jump / 60_000]);
      expect(seconds.every((second) => second % 5 === 0)).toBe(true);
    }, 30_000);
});
