import type { IIdentifyThrottler } from 'discord.js';

export interface ThrottlerOptions {
  readonly eachMs: number;
  /** The connection was given up. */
  readonly over: () => boolean;
  readonly destroy: () => void;
  readonly identifying: () => void;
}

/**
 * Spaces identifies, lets them be counted, and ends what was given up: a client that is destroyed while it waits for
 * the gateway's hello comes back by itself half a second later, and would hold a second session.
 */
export function identifyThrottler(options: ThrottlerOptions): IIdentifyThrottler {
  let last = 0;
  return {
    async waitForIdentify(_shard, signal) {
      const wait = last + options.eachMs - Date.now();
      if (wait > 0) await until(signal, wait);
      if (!options.over()) options.identifying();
      if (options.over()) {
        options.destroy();
        await until(signal, undefined);
      }
      last = Date.now();
    },
  };
}

/** Rejects when the socket closes first, which is what the library expects. */
function until(signal: AbortSignal, ms: number | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const closed = () => {
      clearTimeout(timer);
      reject(new Error('the connection closed first'));
    };
    const timer =
      ms === undefined
        ? undefined
        : setTimeout(() => {
            signal.removeEventListener('abort', closed);
            resolve();
          }, ms);
    signal.addEventListener('abort', closed, { once: true });
    if (signal.aborted) closed();
  });
}
