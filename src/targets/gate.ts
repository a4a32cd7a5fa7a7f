import { WarroomError } from '../errors/catalogue.ts';

export interface GateOptions {
  /** What is guarded, for the error. */
  readonly target: string;
  /** At most so many at once. */
  readonly most: number;
  /** At most so many wait, in order; the next is refused. */
  readonly mostWaiting: number;
}

/** Lets a bounded number through at once; a bounded number waits for a bounded time, in order. */
export class Gate {
  #taken = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(private readonly options: GateOptions) {}

  async through<T>(waitMs: number, work: () => Promise<T>): Promise<T> {
    await this.#enter(waitMs);
    try {
      return await work();
    } finally {
      // The place is handed to the next one directly, so that nobody slips in between.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#taken -= 1;
    }
  }

  #enter(waitMs: number): Promise<void> {
    const { most, mostWaiting } = this.options;
    if (this.#taken < most) {
      this.#taken += 1;
      return Promise.resolve();
    }
    if (this.#waiting.length >= mostWaiting)
      return Promise.reject(this.#busy(`${mostWaiting} others wait already`));
    return new Promise((resolve, reject) => {
      const enter = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(enter), 1);
        reject(this.#busy(`no turn within ${waitMs} ms`));
      }, waitMs);
      this.#waiting.push(enter);
    });
  }

  #busy(problem: string): WarroomError {
    return new WarroomError('TARGET_UNREACHABLE', {
      target: this.options.target,
      problem: `${this.options.most} are busy at once and ${problem}`,
      mend: 'Try again in a moment.',
    });
  }
}
