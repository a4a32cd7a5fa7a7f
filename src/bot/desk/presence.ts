const A_VISIT_MS = 10 * 60_000;
const MOST = 1_000;

/** When each person was here: a visit ends after ten minutes without a word. In memory: a restart begins anew. */
export class Presence {
  readonly #visits = new Map<string, { before: number | undefined; last: number }>();

  constructor(private readonly now: () => number) {}

  here(name: string): void {
    const now = this.now();
    const visit = this.#visits.get(name);
    if (this.#visits.size > MOST) this.#visits.clear();
    this.#visits.set(name, {
      before: visit && now - visit.last < A_VISIT_MS ? visit.before : visit?.last,
      last: now,
    });
  }

  /** The end of the visit before this one. */
  before(name: string): number | undefined {
    const visit = this.#visits.get(name);
    if (!visit) return undefined;
    return this.now() - visit.last < A_VISIT_MS ? visit.before : visit.last;
  }
}
