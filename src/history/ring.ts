/** Samples of one round may come in any order; a clock that is steered creeps. Further back it was set. */
export const SET_BACK_MS = 10_000;

const FIRST_CAPACITY = 8;
const MOST_OFFSET = 0xffff_ffff;

export interface RingSize {
  /** Points that are kept at most. */
  readonly most: number;
  /** It grows only while its oldest point is younger: a series read every 30 s needs fewer than one read every 5 s. */
  readonly spanMs: number;
}

/**
 * (time, value) pairs, the oldest overwritten first. There are thousands of these, so that memory is what counts: a
 * time is a 4 byte offset, and room is made when it is needed.
 */
export class Ring {
  #base = 0;
  #offset = new Uint32Array(FIRST_CAPACITY);
  #value = new Float64Array(FIRST_CAPACITY);
  #next = 0;
  #length = 0;

  constructor(private readonly size: RingSize) {}

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
    if (this.#length === this.#value.length && this.#wantsRoom(at)) this.#resize(2 * this.#length);
    if (this.#length === 0) this.#base = at;
    if (at - this.#base > MOST_OFFSET) this.#rebase(at);
    this.#offset[this.#next] = at - this.#base;
    this.#value[this.#next] = value;
    this.#next = (this.#next + 1) % this.#value.length;
    this.#length = Math.min(this.#length + 1, this.#value.length);
  }

  last(): { at: number; value: number } | undefined {
    return this.#length === 0 ? undefined : this.#point(1);
  }

  /** Oldest first, from `since` on; what is later than `now` is left out. */
  since(since: number, now: number): { at: number; value: number }[] {
    const points: { at: number; value: number }[] = [];
    for (let back = this.#length; back >= 1; back--) {
      const point = this.#point(back);
      if (point.at >= since && point.at <= now + SET_BACK_MS) points.push(point);
    }
    return points;
  }

  /** The newest is 1 back. */
  #point(back: number): { at: number; value: number } {
    const i = (this.#next - back + this.#value.length) % this.#value.length;
    return { at: this.#base + (this.#offset[i] as number), value: this.#value[i] as number };
  }

  #wantsRoom(at: number): boolean {
    return this.#length < this.size.most && at - this.#point(this.#length).at <= this.size.spanMs;
  }

  #forgetFrom(at: number): void {
    for (let last = this.last(); last && last.at >= at; last = this.last()) {
      this.#next = (this.#next - 1 + this.#value.length) % this.#value.length;
      this.#length -= 1;
    }
  }

  #resize(capacity: number): void {
    this.#lay(Math.min(capacity, this.size.most), this.since(0, Number.POSITIVE_INFINITY));
  }

  /** After seven weeks an offset is full. Points that are as old as that are let go. */
  #rebase(at: number): void {
    this.#lay(this.#value.length, this.since(at - this.size.spanMs, at));
    if (this.#length === 0) this.#base = at;
  }

  #lay(capacity: number, points: readonly { at: number; value: number }[]): void {
    this.#base = points[0]?.at ?? 0;
    this.#offset = Uint32Array.from(
      { length: capacity },
      (_, i) => (points[i]?.at ?? this.#base) - this.#base,
    );
    this.#value = Float64Array.from({ length: capacity }, (_, i) => points[i]?.value ?? 0);
    this.#length = points.length;
    this.#next = points.length % capacity;
  }
}
