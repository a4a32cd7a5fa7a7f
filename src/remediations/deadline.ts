/** Runs work that is given up at its deadline, or when the outer signal ends; the work is told through its own signal. */
export async function within<T>(
  outer: AbortSignal,
  timeoutMs: number,
  what: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  outer.throwIfAborted();
  const late = new AbortController();
  const timer = setTimeout(
    () => late.abort(new Error(`${what} was not done within ${timeoutMs / 1000} s`)),
    timeoutMs,
  );
  const signal = AbortSignal.any([outer, late.signal]);
  const given = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  try {
    return await Promise.race([work(signal), given]);
  } finally {
    clearTimeout(timer);
  }
}
