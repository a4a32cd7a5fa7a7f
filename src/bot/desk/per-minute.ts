const A_MINUTE = 60_000;
const MOST_PEOPLE = 1_000;

/** So many a person and minute. */
export class PerMinute {
  readonly #byPerson = new Map<string, number[]>();

  constructor(
    private readonly most: number,
    private readonly now: () => number,
  ) {}

  /** Counts one, or gives the seconds until the next is allowed. */
  refuse(by: string): number | undefined {
    const now = this.now();
    const recent = (this.#byPerson.get(by) ?? []).filter((at) => Math.abs(now - at) < A_MINUTE);
    const [oldest] = recent;
    if (oldest !== undefined && recent.length >= this.most)
      return Math.ceil((A_MINUTE - (now - oldest)) / 1000);
    if (this.#byPerson.size > MOST_PEOPLE) this.#byPerson.clear();
    this.#byPerson.set(by, [...recent, now]);
    return undefined;
  }
}
