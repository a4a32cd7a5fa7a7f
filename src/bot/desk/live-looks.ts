import { contextAt } from '../../checks/context.ts';
import type { Evidence, Place, System } from '../../checks/contract.ts';
import { WarroomError } from '../../errors/catalogue.ts';
import type { Targets } from '../../targets/contract.ts';
import { PerMinute } from './per-minute.ts';

const LOOKS_A_MINUTE = 10;
const LOOK_MS = 10_000;

/** Live looks: bounded a person and minute, equal ones in flight shared, each with its deadline. They never touch the schedule's snapshots. */
export class LiveLooks {
  readonly #looks: PerMinute;
  readonly #inFlight = new Map<string, Promise<readonly Evidence[]>>();

  constructor(
    private readonly targets: Targets,
    now: () => number,
  ) {
    this.#looks = new PerMinute(LOOKS_A_MINUTE, now);
  }

  look(
    system: System,
    view: string,
    place: Place,
    args: readonly string[],
    by: string,
  ): Promise<readonly Evidence[]> {
    const id = JSON.stringify([system.id, view, place.target, place.instance, args]);
    const running = this.#inFlight.get(id);
    if (running) return running;
    this.#charge(by, system.id);
    const found = system.views.find((one) => one.name === view) ?? system.views[0];
    if (!found)
      throw new WarroomError('BAD_ARGUMENT', { command: system.id, problem: 'it has nothing to show yet.' });
    const started = found
      .show(contextAt(place, this.targets, AbortSignal.timeout(LOOK_MS)), args)
      .finally(() => this.#inFlight.delete(id));
    this.#inFlight.set(id, started);
    return started;
  }

  #charge(by: string, command: string): void {
    const wait = this.#looks.refuse(by);
    if (wait !== undefined)
      throw new WarroomError('BAD_ARGUMENT', {
        command,
        problem: `you had ${LOOKS_A_MINUTE} live looks in the last minute; the next in ${wait} s. /launch status shows the scheduled figures.`,
      });
  }
}
