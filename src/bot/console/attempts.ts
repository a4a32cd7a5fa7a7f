const WINDOW_MS = 60_000;
const MOST_ADDRESSES = 10_000;

/** Counts failed attempts an address in a minute. Bounded: when too many addresses try, all are forgotten at once. */
export class Attempts {
  readonly #failed = new Map<string, { count: number; since: number }>();

  constructor(
    private readonly most: number,
    private readonly now: () => number,
  ) {}

  allowed(address: string): boolean {
    const entry = this.#failed.get(address);
    return !entry || this.now() - entry.since >= WINDOW_MS || entry.count < this.most;
  }

  failed(address: string): void {
    const entry = this.#failed.get(address);
    if (entry && this.now() - entry.since < WINDOW_MS) {
      entry.count += 1;
      return;
    }
    if (this.#failed.size >= MOST_ADDRESSES) this.#failed.clear();
    this.#failed.set(address, { count: 1, since: this.now() });
  }
}
