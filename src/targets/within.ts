import type { WarroomError } from '../errors/catalogue.ts';

/** Waits no longer than that; what comes after is given to `tooLate`. The error is made only when it is thrown. */
export function within<T>(
  work: Promise<T>,
  timeoutMs: number,
  late: () => WarroomError,
  tooLate: (value: T) => void = () => undefined,
  signal?: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let over = false;
    const fail = () => {
      over = true;
      reject(late());
    };
    const timer = setTimeout(fail, timeoutMs);
    signal?.addEventListener('abort', fail, { once: true });
    if (signal?.aborted) fail();
    work
      .then((value) => (over ? tooLate(value) : resolve(value)), reject)
      .finally(() => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', fail);
      });
  });
}
