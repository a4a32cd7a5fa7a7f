/** One promised thing, shown. `run` throws or calls `check`; what it started, it registers with `after`. */
export interface Proof {
  readonly name: string;
  readonly shows: string;
  /** Most seconds it may take; the runner ends it as FAIL after that. */
  readonly seconds: number;
  run(act: Act): Promise<void>;
}

export interface Act {
  /** A line of what is going on. */
  say(line: string): void;
  /** A fact that must hold. */
  check(what: string, holds: boolean, figure?: string): void;
  /** A figure for the last lines. */
  figure(name: string, value: string | number): void;
  /** Undone at the end, in reverse order, whatever happened. */
  after(undo: () => Promise<unknown> | unknown): void;
  /** Said before cleaning up when something failed: the last words of what was started. */
  lastWords(words: () => string): void;
  /** A folder that is gone afterwards. */
  folder(): string;
  seconds(): number;
}

export class Failed extends Error {}

/** Waits for something to come true; the value it became is given back. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  deadlineMs: number,
  everyMs = 200,
): Promise<T> {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Failed(`${what}: not within ${Math.round(deadlineMs / 1000)} s`);
    await pause(everyMs);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
