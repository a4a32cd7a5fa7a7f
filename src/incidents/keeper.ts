import type { Transaction } from 'kysely';
import type { Logger } from 'pino';
import type { Explanation } from '../diagnosis/contract.ts';
import { reason } from '../errors/catalogue.ts';
import type { HealthBoard } from '../health/health.ts';
import type { Database } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import { transact } from '../store/transact.ts';
import type { IncidentBook, IncidentEvent } from './book.ts';
import { type Incident, isOpen, LOOKING_MS } from './record.ts';

export interface KeeperOptions {
  readonly book: IncidentBook;
  readonly store: Store;
  readonly health: HealthBoard;
  readonly log: Logger;
  readonly now: () => number;
  /** Writes the thread's posts and outbox rows in the same transaction as the change. */
  readonly publish: (
    tx: Transaction<Database>,
    change: { incident: number; at: number; what: string; by?: string; reply: boolean; happened: true },
  ) => Promise<void>;
  /** Looks for the causes of an incident; slow, so it never runs twice at once for one. */
  readonly diagnose: (incident: Incident) => Promise<Explanation[]>;
  /** Told after an event was taken, stored or not. */
  readonly onEvent: (event: IncidentEvent) => void;
}

/** How long events wait for each other, so that one burst is one transaction and one edit. */
const COALESCE_MS = 150;
const DIAGNOSE_AGAIN_MS = 10_000;
const RETRY_MS = 2_000;
/** Unsaved lines of timelines beyond this many are dropped oldest first; the incidents themselves never are. */
const MAX_UNSAVED = 5_000;

/** The book's link to the world: stores what happened, has causes looked for, has threads written. */
export class IncidentKeeper {
  /** Events that have something to say; of the others only the incident's newest state counts. */
  #unsaved: IncidentEvent[] = [];
  #changed = new Set<number>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  readonly #diagnosing = new Set<number>();
  readonly #again = new Map<number, NodeJS.Timeout>();
  readonly #searchEnded = new Set<number>();
  #stopped = false;
  #refused = false;

  constructor(private readonly options: KeeperOptions) {}

  async load(): Promise<void> {
    const rows = await this.options.store.db
      .selectFrom('incidents')
      .select('json')
      .orderBy('id', 'desc')
      .limit(300)
      .execute();
    this.options.book.restore(rows.map((row) => JSON.parse(row.json) as Incident));
  }

  /** Takes events of the book: stores them soon, and looks for causes where parts changed. */
  take(events: readonly IncidentEvent[]): void {
    if (events.length === 0) return;
    for (const event of events) {
      this.#changed.add(event.incident);
      if (event.said !== '') this.#unsaved.push(event);
      this.options.onEvent(event);
      if (event.kind === 'opened' || event.kind === 'joined' || event.kind === 'reopened')
        this.#diagnoseSoon(event.incident, event.kind === 'joined' ? 1_500 : 0);
    }
    if (this.#unsaved.length > MAX_UNSAVED) this.#unsaved.splice(0, this.#unsaved.length - MAX_UNSAVED);
    // A thread that opens is written at once: whoever sees it must find it again after a crash.
    if (events.some((event) => event.kind === 'opened')) void this.flush();
    else this.#saveSoon(COALESCE_MS);
  }

  /** Open incidents are diagnosed again each 10 s: a cause may change, and its figures do. */
  rediagnose(): void {
    for (const incident of this.options.book.open()) {
      this.#saySearchEnded(incident);
      const since = this.options.now() - (incident.diagnosedAt ?? 0);
      if (Math.abs(since) >= DIAGNOSE_AGAIN_MS && incident.state !== 'mitigating')
        this.#diagnoseSoon(incident.id, 0);
    }
  }

  /** Where no cause was found and nothing changes, the head would say for ever that it is looked for. */
  #saySearchEnded({ id, openedAt, causes }: Incident): void {
    if (causes.length > 0 || this.#searchEnded.has(id)) return;
    if (Math.abs(this.options.now() - openedAt) < LOOKING_MS) return;
    if (this.#searchEnded.size > 1_000) this.#searchEnded.clear();
    this.#searchEnded.add(id);
    this.#changed.add(id);
    this.#saveSoon(COALESCE_MS);
  }

  /** Resolves when everything taken so far is in the store, or the store refused it. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#save();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#again.values()) clearTimeout(timer);
    await this.flush();
  }

  #diagnoseSoon(id: number, afterMs: number): void {
    if (this.#stopped || this.#again.has(id)) return;
    this.#again.set(
      id,
      setTimeout(() => {
        this.#again.delete(id);
        void this.#diagnose(id);
      }, afterMs),
    );
  }

  async #diagnose(id: number): Promise<void> {
    const incident = this.options.book.get(id);
    if (!incident || !isOpen(incident) || this.#diagnosing.has(id)) return;
    this.#diagnosing.add(id);
    try {
      const causes = await this.options.diagnose(incident);
      if (!this.#stopped) this.take(this.options.book.explain(id, causes, this.options.now()));
    } catch (thrown) {
      this.options.log.error({ err: thrown, incident: id }, 'looking for a cause failed');
    } finally {
      this.#diagnosing.delete(id);
    }
  }

  #saveSoon(afterMs: number): void {
    if (this.#timer || this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#save();
    }, afterMs);
  }

  #save(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  async #write(): Promise<void> {
    const events = this.#unsaved;
    const changed = this.#changed;
    if (changed.size === 0) return;
    this.#unsaved = [];
    this.#changed = new Set();
    try {
      await transact(this.options.store.db, async (tx) => {
        for (const id of changed)
          await this.#writeOne(
            tx,
            id,
            events.filter((event) => event.incident === id),
          );
      });
      this.options.health.report({ part: 'store', state: 'ok', what: 'writes' });
      if (this.#refused) this.options.log.info('the store takes writes again');
      this.#refused = false;
    } catch (thrown) {
      // Nothing is lost: what was not written goes in front of what comes, and is tried again.
      this.#unsaved = [...events, ...this.#unsaved];
      this.#changed = new Set([...changed, ...this.#changed]);
      this.options.health.report({ part: 'store', state: 'down', what: reason(thrown) });
      // Once, not with each try: the disk may be the one that the log is on.
      if (!this.#refused)
        this.options.log.error({ err: thrown }, 'the store refused a write; it is kept in memory');
      this.#refused = true;
      this.#saveSoon(RETRY_MS);
    }
  }

  async #writeOne(tx: Transaction<Database>, id: number, told: readonly IncidentEvent[]): Promise<void> {
    const incident = this.options.book.get(id);
    if (!incident) return;
    const row = {
      state: incident.state,
      json: JSON.stringify(incident),
      opened_at: incident.openedAt,
      updated_at: incident.updatedAt,
      resolved_at: incident.resolvedAt,
    };
    for (const event of told) {
      await this.options.publish(tx, {
        incident: id,
        at: event.at,
        what: event.said,
        reply: event.reply,
        happened: true,
        ...(event.by === undefined ? {} : { by: event.by }),
      });
    }
    if (told.length === 0)
      await this.options.publish(tx, {
        incident: id,
        at: incident.updatedAt,
        what: '',
        reply: false,
        happened: true,
      });
    await tx
      .insertInto('incidents')
      .values({ id, ...row })
      .onConflict((on) => on.column('id').doUpdateSet(row))
      .execute();
  }
}
