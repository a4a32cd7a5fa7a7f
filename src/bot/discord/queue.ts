/** Work in hand: so many at once, so many that wait, and no more. */
export class WorkQueue {
  #running = 0;
  #inside = 0;
  readonly #waiting: (() => void)[] = [];
  readonly #inHand = new Set<Promise<void>>();

  constructor(
    private readonly atOnce: number,
    private readonly mostWaiting: number,
  ) {}

  /** A place, taken before anything is awaited; undefined when there is none. It is given back by calling it. */
  enter(): (() => void) | undefined {
    if (this.#inside >= this.atOnce + this.mostWaiting) return undefined;
    this.#inside += 1;
    return () => {
      this.#inside -= 1;
    };
  }

  /** Runs it in its turn. It must not reject. */
  run(work: () => Promise<void>): Promise<void> {
    const done = this.#inTurn(work).finally(() => this.#inHand.delete(done));
    this.#inHand.add(done);
    return done;
  }

  /** Resolves when nothing is in hand, or at the deadline. */
  async drained(timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([Promise.all(this.#inHand), late]);
    clearTimeout(timer);
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    if (this.#running >= this.atOnce) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running += 1;
    try {
      await work();
    } finally {
      // The place goes to the next in line; only an empty line frees it.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }
}
