/** Samples of one round may come in any order; a clock that is steered creeps. Further back it was set. */
export const SET_BACK_MS = 10_000;

/** A fixed number of (time, value) pairs, the oldest overwritten first. */
export class Ring {
  readonly #at: Float64Array;
  readonly #value: Float64Array;
  #next = 0;
  #length = 0;

  constructor(capacity: number) {
    this.#at = new Float64Array(capacity);
    this.#value = new Float64Array(capacity);
  }

  /**
   * A sample that is not newer than the last one is dropped: time in a series only moves forward. One that is far
   * older comes from a clock that was set back: what is later than it has not happened.
   */
  push(at: number, value: number): void {
    const last = this.last();
    if (last && at <= last.at) {
      if (last.at - at < SET_BACK_MS) return;
      this.#forgetFrom(at);
    }
    this.#at[this.#next] = at;
    this.#value[this.#next] = value;
    this.#next = (this.#next + 1) % this.#at.length;
    this.#length = Math.min(this.#length + 1, this.#at.length);
  }

  #forgetFrom(at: number): void {
    for (let last = this.last(); last && last.at >= at; last = this.last()) {
      this.#next = (this.#next - 1 + this.#at.length) % this.#at.length;
      this.#length -= 1;
    }
  }

  last(): { at: number; value: number } | undefined {
    if (this.#length === 0) return undefined;
    const i = (this.#next - 1 + this.#at.length) % this.#at.length;
    return { at: this.#at[i] as number, value: this.#value[i] as number };
  }

  /** Oldest first, from `since` on; what is later than `now` is left out. */
  since(since: number, now: number): { at: number; value: number }[] {
    const points: { at: number; value: number }[] = [];
    for (let k = this.#length; k >= 1; k--) {
      const i = (this.#next - k + this.#at.length) % this.#at.length;
      const at = this.#at[i] as number;
      if (at >= since && at <= now + SET_BACK_MS) points.push({ at, value: this.#value[i] as number });
    }
    return points;
  }
}
