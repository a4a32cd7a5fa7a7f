import type { Evidence, Place, System } from '../../checks/contract.ts';
import { WarroomError } from '../../errors/catalogue.ts';
import type { Targets } from '../../targets/contract.ts';

const A_MINUTE = 60_000;
const LOOKS_A_MINUTE = 10;
const LOOK_MS = 10_000;

/** Live looks: bounded a person and minute, equal ones in flight shared, each with its deadline. They never touch the schedule's snapshots. */
export class LiveLooks {
  readonly #byPerson = new Map<string, number[]>();
  readonly #inFlight = new Map<string, Promise<readonly Evidence[]>>();

  constructor(
    private readonly targets: Targets,
    private readonly now: () => number,
  ) {}

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
      .show(
        { place, target: this.targets.reading(place.instance), signal: AbortSignal.timeout(LOOK_MS) },
        args,
      )
      .finally(() => this.#inFlight.delete(id));
    this.#inFlight.set(id, started);
    return started;
  }

  #charge(by: string, command: string): void {
    const now = this.now();
    const recent = (this.#byPerson.get(by) ?? []).filter((at) => now - at < A_MINUTE);
    if (recent.length >= LOOKS_A_MINUTE) {
      const wait = Math.ceil((A_MINUTE - (now - (recent[0] as number))) / 1000);
      throw new WarroomError('BAD_ARGUMENT', {
        command,
        problem: `you had ${LOOKS_A_MINUTE} live looks in the last minute; the next in ${wait} s. /launch status shows the scheduled figures.`,
      });
    }
    this.#byPerson.set(by, [...recent, now]);
    if (this.#byPerson.size > 1000) this.#byPerson.clear();
  }
}
