import { setTimeout as sleep } from 'node:timers/promises';

/** Asks again until the answer is not undefined; ends with the signal's own error at the deadline. */
export async function until<T>(
  signal: AbortSignal,
  everyMs: number,
  ask: () => Promise<T | undefined>,
): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    const found = await ask();
    if (found !== undefined) return found;
    await sleep(everyMs, undefined, { signal });
  }
}

/** The same, but gives undefined after its own time. */
export async function untilOrGiveUp<T>(
  signal: AbortSignal,
  everyMs: number,
  patienceMs: number,
  ask: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const end = performance.now() + patienceMs;
  return until<{ found: T | undefined }>(signal, everyMs, async () => {
    const found = await ask();
    return found !== undefined || performance.now() >= end ? { found } : undefined;
  }).then((last) => last.found);
}
