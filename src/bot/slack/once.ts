/**
 * Remembers for an hour what was taken in hand. Slack delivers again at once, after one and after five minutes, also
 * with a new envelope; a delivery is known by what it says, never by its retry number: after a gap the repeated one
 * is the only one that arrives.
 */
export class Once {
  readonly #seen = new Map<string, number>();

  constructor(
    private readonly now: () => number,
    private readonly keepMs = 3_600_000,
    private readonly most = 20_000,
  ) {}

  /** True the first time that any of these ids is seen; all are remembered. */
  first(ids: readonly string[]): boolean {
    const now = this.now();
    for (const [id, at] of this.#seen) {
      if (now - at < this.keepMs && this.#seen.size <= this.most) break;
      this.#seen.delete(id);
    }
    const known = ids.some((id) => this.#seen.has(id));
    for (const id of ids) if (!this.#seen.has(id)) this.#seen.set(id, now);
    return !known;
  }
}
