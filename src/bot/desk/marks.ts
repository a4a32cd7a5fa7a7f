import type { Store } from '../../store/store.ts';

export interface Mark {
  /** UTC ms. */
  readonly at: number;
  readonly text: string;
  readonly by: string;
}

const KEPT_MS = 7 * 24 * 3_600_000;
const MOST = 500;

/** Marks of people on the timeline: kept in memory, written through to the store. */
export class Marks {
  #marks: Mark[] = [];

  constructor(
    private readonly store: Store,
    private readonly now: () => number,
  ) {}

  async load(): Promise<void> {
    const rows = await this.store.db
      .selectFrom('marks')
      .select(['at', 'text', 'by'])
      .where('at', '>', this.now() - KEPT_MS)
      .orderBy('at', 'desc')
      .limit(MOST)
      .execute();
    this.#marks = rows.reverse();
  }

  async add(mark: Mark): Promise<void> {
    await this.store.db.insertInto('marks').values(mark).execute();
    this.#marks = [...this.#marks, mark].slice(-MOST);
  }

  since(at: number): readonly Mark[] {
    return this.#marks.filter((mark) => mark.at >= at);
  }
}
