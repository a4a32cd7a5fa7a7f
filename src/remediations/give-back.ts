import type { Logger } from 'pino';
import type { Guard } from './guard.ts';
import { isRefusal } from './propose.ts';

const EVERY_MS = 10_000;
const TRIES = 60;

/** After an incident ended, servers that were added for it are offered to be given back, as soon as the load allows. */
export class GiveBack {
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(
    private readonly guard: Guard,
    private readonly log: Pick<Logger, 'info' | 'error'>,
  ) {}

  resolved(incident: number): void {
    const added = this.guard
      .proposals(incident)
      .filter((proposal) => proposal.remediation === 'add-app-server' && proposal.state === 'kept');
    for (const { params } of added)
      this.#offer(incident, { service: params['service'], server: params['server'] }, TRIES);
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #offer(incident: number, params: Readonly<Record<string, unknown>>, tries: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.guard
        .propose(incident, { remediation: 'remove-app-server', params, effect: 'relief' })
        .then((made) => {
          if (!isRefusal(made)) return;
          if (tries > 1) this.#offer(incident, params, tries - 1);
          else this.log.info({ incident, refused: made.refused }, 'a server was not offered back');
        })
        .catch((thrown: unknown) =>
          this.log.error({ err: thrown, incident }, 'a server could not be offered back'),
        );
    }, EVERY_MS);
    this.#timers.add(timer);
  }
}
