/**
 * A token bucket: `burst` calls at once, then one each `everyMs`. One token is kept for what is critical, so that it
 * never waits behind what is not.
 */
export class Pace {
  #tokens: number;
  #at: number;

  constructor(
    private readonly rate: { readonly burst: number; readonly everyMs: number },
    private readonly now: () => number,
  ) {
    this.#tokens = rate.burst;
    this.#at = now();
  }

  /** When a call of this priority (0: critical) may be made; UTC ms, past or present when at once. */
  at(priority: number): number {
    this.#refill();
    const missing = (priority === 0 ? 1 : 2) - this.#tokens;
    return missing <= 0 ? this.#at : this.now() + Math.ceil(missing * this.rate.everyMs);
  }

  spend(): void {
    this.#refill();
    this.#tokens -= 1;
  }

  #refill(): void {
    const now = this.now();
    // A clock that was set back gives nothing and takes nothing.
    const gained = Math.max(0, now - this.#at) / this.rate.everyMs;
    this.#tokens = Math.min(this.rate.burst, this.#tokens + gained);
    this.#at = now;
  }
}
