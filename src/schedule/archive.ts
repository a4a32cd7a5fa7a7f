import type { Finding } from '../checks/contract.ts';
import { identity } from '../checks/contract.ts';
import type { History, PackedMinute } from '../history/history.ts';
import type { Store } from '../store/store.ts';

const READINGS_MS = 7 * 86_400_000;
const FINDINGS_MS = 90 * 86_400_000;
const RESTORE_MS = 2 * 3_600_000;
const MAX_CHANGES = 10_000;

/** Moves minutes of readings and changes of findings into the store, and old ones out of it. Called once a minute. */
export class Archive {
  readonly #levels = new Map<string, string>();
  #changed: { at: number; finding: Finding }[] = [];
  #unwritten: PackedMinute[] = [];

  constructor(
    private readonly store: Store,
    private readonly history: History,
    private readonly now: () => number,
  ) {}

  async restore(): Promise<void> {
    const rows = await this.store.db
      .selectFrom('readings')
      .selectAll()
      .where('minute', '>=', Math.floor((this.now() - RESTORE_MS) / 60_000))
      .execute();
    this.history.restore(
      rows.map((row) => ({
        target: row.target,
        minute: row.minute,
        values: JSON.parse(row.json) as PackedMinute['values'],
      })),
    );
  }

  /** A finding is worth a row when its level changed. */
  note(at: number, findings: readonly Finding[]): void {
    for (const finding of findings) {
      const id = identity(finding);
      if ((this.#levels.get(id) ?? 'ok') === finding.level) continue;
      this.#levels.set(id, finding.level);
      this.#changed.push({ at, finding });
    }
    if (this.#changed.length > MAX_CHANGES) this.#changed.splice(0, this.#changed.length - MAX_CHANGES);
  }

  /** Throws when the store refuses; what was not written is written by the next call. */
  async write(): Promise<void> {
    this.#unwritten.push(...this.history.takePacked());
    const minutes = this.#unwritten;
    const changed = this.#changed;
    await this.store.db.transaction().execute(async (tx) => {
      for (const minute of minutes) {
        const json = JSON.stringify(minute.values);
        await tx
          .insertInto('readings')
          .values({ target: minute.target, minute: minute.minute, json })
          .onConflict((on) => on.columns(['target', 'minute']).doUpdateSet({ json }))
          .execute();
      }
      for (const { at, finding } of changed)
        await tx
          .insertInto('findings')
          .values({ at, identity: identity(finding), level: finding.level, json: JSON.stringify(finding) })
          .execute();
      await tx
        .deleteFrom('readings')
        .where('minute', '<', Math.floor((this.now() - READINGS_MS) / 60_000))
        .execute();
      await tx
        .deleteFrom('findings')
        .where('at', '<', this.now() - FINDINGS_MS)
        .execute();
    });
    this.#unwritten = [];
    this.#changed = [];
  }
}
