import type { Fault } from './fault.ts';

/** A fault that no machine with others on it may be given: it is named, and says why not. */
export function refused(name: string, summary: string, why: string): Fault {
  return {
    name,
    summary: `${summary} (refused here: see why by switching it on)`,
    on: () => Promise.reject(new RangeError(`${name} cannot be made here. ${why}`)),
    off: async () => undefined,
  };
}
