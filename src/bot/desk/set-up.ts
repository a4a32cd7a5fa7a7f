import type { HealthBoard } from '../../health/health.ts';
import type { Watcher } from '../../schedule/watcher.ts';
import type { SetUpJson } from '../contract.ts';

/** What a person has to finish: rights that a collector or a chat platform lacks, ticked off once they are there. */
export class SetUp {
  /** Parts of the chat that lacked something since the start. */
  readonly #lacked = new Map<string, SetUpJson>();

  constructor(
    private readonly watcher: Watcher,
    private readonly health: HealthBoard,
  ) {}

  items(): SetUpJson[] {
    return [...this.#ofCollectors(), ...this.#ofChat()];
  }

  #ofCollectors(): SetUpJson[] {
    const seen = new Map<string, SetUpJson>();
    for (const item of this.watcher.setUp()) {
      // Several collectors may lack the same right: one line a mend.
      const id = `${item.place.target}/${item.place.instance}: ${item.mend || item.text}`;
      const before = seen.get(id);
      seen.set(id, {
        id,
        target: `${item.place.target} on ${item.place.instance}`,
        what: item.text,
        mend: item.mend,
        done: item.done && (before?.done ?? true),
      });
    }
    return [...seen.values()];
  }

  /** `degraded` with a mend: it works but for this. What is down is an incident. */
  #ofChat(): SetUpJson[] {
    for (const { part, state, what, mend } of this.health.of('chat')) {
      const target = part.replace(/^chat:/, '').replace('/', ' ');
      const known = this.#lacked.get(part);
      if (state === 'degraded' && mend !== undefined)
        this.#lacked.set(part, { id: part, target, what, mend, done: false });
      else if (known && state === 'ok') this.#lacked.set(part, { ...known, done: true });
    }
    return [...this.#lacked.values()];
  }
}
