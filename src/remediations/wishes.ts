import type { Logger } from 'pino';
import type { Incident } from '../incidents/record.ts';
import type { Guard } from './guard.ts';
import { isRefusal } from './propose.ts';

const AGAIN_MS = 5 * 60_000;

/** Proposes what a cause asks for: each wish once, and again after five minutes when it could not be planned. */
export class Wishes {
  readonly #tried = new Map<string, number>();
  #queue: Promise<void> = Promise.resolve();

  constructor(
    private readonly guard: Guard,
    private readonly log: Pick<Logger, 'info' | 'error'>,
    private readonly now: () => number,
  ) {}

  propose(incident: Incident): Promise<void> {
    // One after the other: letters follow the order in which the cause names its wishes.
    this.#queue = this.#queue
      .then(() => this.#propose(incident))
      .catch((thrown: unknown) =>
        this.log.error({ err: thrown, incident: incident.id }, 'a wish could not be proposed'),
      );
    return this.#queue;
  }

  async #propose(incident: Incident): Promise<void> {
    for (const wish of incident.causes[0]?.proposals ?? []) {
      // Shares and example URLs move with the traffic; what is asked for does not.
      const { share: _share, paths: _paths, ...fixed } = wish.params;
      const key = `${incident.id} ${wish.remediation} ${JSON.stringify(fixed)}`;
      if (this.now() - (this.#tried.get(key) ?? 0) < AGAIN_MS) continue;
      if (
        this.guard
          .proposals(incident.id)
          .some(
            (one) =>
              one.remediation === wish.remediation &&
              ['pending', 'approved', 'running', 'settling'].includes(one.state),
          )
      )
        continue;
      this.#tried.set(key, this.now());
      const made = await this.guard.propose(incident.id, wish).catch((thrown: unknown) => {
        // The store refused it: the next look at the cause tries again.
        this.#tried.delete(key);
        throw thrown;
      });
      if (isRefusal(made))
        this.log.info(
          { incident: incident.id, remediation: wish.remediation, refused: made.refused },
          'not proposed',
        );
    }
  }
}
