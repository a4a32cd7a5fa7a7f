import cron from 'node-cron';
import type { Watcher } from './watcher.ts';

/** Ticks the watcher each five seconds of the clock, until stopped. A tick that lasts longer delays no other: collectors never overlap themselves. */
export function startRounds(
  watcher: Watcher,
  afterTick: () => void,
  onError: (thrown: unknown) => void,
): { stop(): Promise<void> } {
  let stopped = false;
  const run = () => {
    const second = Math.round(Date.now() / 1000);
    watcher
      .tick(second - (second % 5))
      .then(() => {
        if (!stopped) afterTick();
      })
      .catch(onError);
  };
  const task = cron.schedule('*/5 * * * * *', run, { name: 'rounds' });
  run();
  return {
    stop: async () => {
      stopped = true;
      await task.destroy();
    },
  };
}
