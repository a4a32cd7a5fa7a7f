import cron, { type ScheduledTask } from 'node-cron';
import type { Watcher } from './watcher.ts';

export interface RoundsOptions {
  readonly afterTick: () => void;
  readonly onError: (thrown: unknown) => void;
  /** The machine's clock was set: by so many milliseconds, forward or (below 0) back. */
  readonly onClockSet?: (byMs: number) => void;
}

const WATCH_MS = 1_000;
/** A clock that a time server steers creeps; what moves further than this at once was set. */
const SET_MS = 2_000;

/** Ticks the watcher each five seconds of the clock, until stopped. A tick that lasts longer delays no other: collectors never overlap themselves. */
export function startRounds(watcher: Watcher, options: RoundsOptions): { stop(): Promise<void> } {
  let stopped = false;
  const run = () => {
    const second = Math.round(Date.now() / 1000);
    watcher
      .tick(second - (second % 5))
      .then(() => {
        if (!stopped) options.afterTick();
      })
      .catch(options.onError);
  };
  const schedule = () => cron.schedule('*/5 * * * * *', run, { name: 'rounds' });
  let task: ScheduledTask = schedule();
  let ahead = Date.now() - performance.now();
  // A schedule by the clock waits for its next second: after the clock was set back, for as long as that.
  const watch = setInterval(() => {
    const now = Date.now() - performance.now();
    const by = now - ahead;
    ahead = now;
    if (Math.abs(by) < SET_MS) return;
    Promise.resolve(task.destroy()).catch(options.onError);
    task = schedule();
    options.onClockSet?.(by);
    run();
  }, WATCH_MS);
  run();
  return {
    stop: async () => {
      stopped = true;
      clearInterval(watch);
      await task.destroy();
    },
  };
}
