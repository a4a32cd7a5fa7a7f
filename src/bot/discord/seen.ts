const HOUR_MS = 3_600_000;
const MOST = 10_000;

/** Ids that arrived within the last hour: a delivery that comes twice is done once. */
export class Seen {
  readonly #at = new Map<string, number>();

  constructor(private readonly now: () => number) {}

  /** True the first time. */
  first(id: string): boolean {
    const now = this.now();
    for (const [old, at] of this.#at) {
      if (now - at < HOUR_MS && this.#at.size < MOST) break;
      this.#at.delete(old);
    }
    if (this.#at.has(id)) return false;
    this.#at.set(id, now);
    return true;
  }
}
