import type { Logger } from 'pino';
import type { Incident } from '../incidents/record.ts';
import type { Guard } from './guard.ts';
import { isRefusal } from './propose.ts';

const FIRST_AGAIN_MS = 15_000;
const LAST_AGAIN_MS = 5 * 60_000;

/**
 * Proposes what a cause asks for: each wish once, and again when it could not be planned, first after 15 s (a site on
 * fire may be too slow to plan for), later each five minutes.
 */
export class Wishes {
  readonly #tried = new Map<string, { readonly at: number; readonly times: number }>();
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
      const tried = this.#tried.get(key);
      if (tried && Math.abs(this.now() - tried.at) < againMs(tried.times)) continue;
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
      this.#tried.set(key, { at: this.now(), times: (tried?.times ?? 0) + 1 });
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

function againMs(times: number): number {
  return Math.min(LAST_AGAIN_MS, FIRST_AGAIN_MS * 2 ** (times - 1));
}
