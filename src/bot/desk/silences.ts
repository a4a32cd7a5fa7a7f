import type { Finding } from '../../checks/contract.ts';
import type { Store } from '../../store/store.ts';

export interface Silence {
  readonly id: number;
  /** `check`, `check@target`, `@target` or `all`. */
  readonly scope: string;
  readonly until: number;
  readonly by: string;
  readonly reason: string;
}

/** Silences in force: kept in memory, written through to the store. What Warroom says of itself is never silenced. */
export class Silences {
  #silences: Silence[] = [];

  constructor(
    private readonly store: Store,
    private readonly now: () => number,
  ) {}

  async load(): Promise<void> {
    const rows = await this.store.db
      .selectFrom('silences')
      .selectAll()
      .where('until', '>', this.now())
      .where('ended_at', 'is', null)
      .execute();
    this.#silences = rows.map(({ id, scope, until, by, reason }) => ({ id, scope, until, by, reason }));
  }

  async add(scope: string, until: number, by: string, reason: string): Promise<void> {
    const row = await this.store.db
      .insertInto('silences')
      .values({ scope, until, by, reason, ended_at: null })
      .returning('id')
      .executeTakeFirstOrThrow();
    this.#silences.push({ id: row.id, scope, until, by, reason });
  }

  inForce(): Silence[] {
    const now = this.now();
    this.#silences = this.#silences.filter((silence) => silence.until > now);
    return this.#silences;
  }

  covers(finding: Finding): boolean {
    if (finding.check.startsWith('self.')) return false;
    return this.inForce().some(
      ({ scope }) =>
        scope === 'all' ||
        scope === finding.check ||
        scope === `@${finding.target}` ||
        scope === `${finding.check}@${finding.target}`,
    );
  }
}
