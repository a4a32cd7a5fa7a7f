import { within } from './wait.ts';

interface WorkLimits {
  /** In hand at once. */
  readonly lanes: number;
  readonly waiting: number;
  /** A task that takes longer gives its lane up; what it does still ends by itself. */
  readonly longestMs: number;
}

const HEAD_START_MS = 10;

/** What is done behind an acknowledgement: so many at once, so many waiting, no more. */
export class Work {
  readonly #waiting: (() => Promise<void>)[] = [];
  readonly #idle: (() => void)[] = [];
  #running = 0;

  constructor(
    private readonly limits: WorkLimits,
    private readonly failed: (thrown: unknown) => void,
  ) {}

  get hasRoom(): boolean {
    return this.#waiting.length < this.limits.waiting;
  }

  /** Starts it a moment later, so that the acknowledgements of all that arrives together go out first. */
  add(task: () => Promise<void>): void {
    this.#waiting.push(task);
    setTimeout(() => this.#next(), HEAD_START_MS);
  }

  /** When nothing is in hand; no later than that. */
  async drained(timeoutMs: number): Promise<void> {
    if (this.#running === 0 && this.#waiting.length === 0) return;
    const idle = new Promise<void>((resolve) => this.#idle.push(resolve));
    await within(idle, timeoutMs, () => undefined);
  }

  #next(): void {
    if (this.#running >= this.limits.lanes) return;
    const task = this.#waiting.shift();
    if (!task) {
      if (this.#running === 0) for (const tell of this.#idle.splice(0)) tell();
      return;
    }
    this.#running += 1;
    const tooLate = () => {
      throw new Error(`nothing came of it in ${this.limits.longestMs / 1000} s`);
    };
    within(Promise.resolve().then(task), this.limits.longestMs, tooLate)
      .catch(this.failed)
      .finally(() => {
        this.#running -= 1;
        setImmediate(() => this.#next());
      });
  }
}
