import type { Transaction } from 'kysely';
import type { IncidentBook } from '../incidents/book.ts';
import { own, say } from '../message/build.ts';
import type { Message } from '../message/contract.ts';
import type { Publish } from '../remediations/contract.ts';
import { type Post, postsOf, writePost } from '../store/outbox.ts';
import type { Database } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import type { NoteJson, ProposalJson, ThreadMessageJson } from './contract.ts';
import { headId } from './deliver.ts';
import { headMessage, type Visitors } from './views/head.ts';
import { proposalMessage } from './views/proposal.ts';

export interface ThreadsOptions {
  readonly store: Store;
  readonly book: IncidentBook;
  readonly proposals: (incident: number, tx: Transaction<Database>) => Promise<readonly ProposalJson[]>;
  readonly visitors: () => Visitors | null;
  /** Platforms beside the console (which reads the posts themselves). */
  readonly platforms: () => readonly string[];
  readonly now: () => number;
  /** After something was posted or edited: wakes the deliveries, tells the console. */
  readonly onPost: (incident: number | null) => void;
}

export interface TimelineEntry {
  readonly at: number;
  readonly what: string;
  readonly by?: string;
}

const NOTES_KEPT = 200;

/** The threads as they are shown: one head an incident, its replies, the channel's notes. Written with the change that they tell of. */
export class Threads {
  readonly #posts = new Map<string, Post>();
  readonly #byIncident = new Map<number, string[]>();
  readonly #timelines = new Map<number, TimelineEntry[]>();
  #notes: string[] = [];

  constructor(private readonly options: ThreadsOptions) {}

  async load(): Promise<void> {
    const { db } = this.options.store;
    for (const incident of this.options.book.all()) {
      for (const post of await postsOf(db, incident.id)) this.#remember(post);
      const rows = await db
        .selectFrom('timeline')
        .selectAll()
        .where('incident', '=', incident.id)
        .orderBy('seq')
        .execute();
      this.#timelines.set(
        incident.id,
        rows.map((row) => ({ at: row.at, what: row.what, ...(row.by === null ? {} : { by: row.by }) })),
      );
    }
    for (const post of (await postsOf(db, null)).slice(-NOTES_KEPT)) this.#remember(post);
  }

  /** Writes what changed in an incident: its timeline, its head, its proposals, and a reply where one is due. */
  publish: Publish = async (tx, change) => {
    const incident = this.options.book.get(change.incident);
    if (!incident) return;
    if (change.what !== '') await this.#timeline(tx, change);
    const proposals = await this.options.proposals(change.incident, tx);
    const head = headMessage({
      incident,
      proposals,
      visitors: this.options.visitors(),
      now: this.options.now(),
    });
    const priority = incident.level === 'critical' ? 0 : 1;
    await this.#write(tx, headId(incident.id), incident.id, 'head', head, priority);
    for (const proposal of proposals)
      await this.#write(tx, `p${proposal.id}`, incident.id, 'reply', proposalMessage(proposal), priority);
    if (change.reply && change.what !== '') {
      const id = `${headId(incident.id)}r${(this.#timelines.get(incident.id) ?? []).length}`;
      const text = say`${change.what}${change.by === undefined ? own('') : say` (${change.by})`}`;
      await this.#write(tx, id, incident.id, 'reply', { blocks: [{ kind: 'text', text }] }, priority);
    }
    this.options.onPost(incident.id);
  };

  /** A message of the channel itself; the same id edits it in place. */
  async note(id: string, message: Message): Promise<void> {
    await this.options.store.db.transaction().execute((tx) => this.#write(tx, id, null, 'note', message, 2));
    this.options.onPost(null);
  }

  messages(incident: number): ThreadMessageJson[] {
    return (this.#byIncident.get(incident) ?? []).map((id) => {
      const post = this.#posts.get(id) as Post;
      return {
        id,
        role: post.role === 'head' ? 'head' : 'reply',
        at: post.at,
        editedAt: post.editedAt,
        message: JSON.parse(post.json) as Message,
      };
    });
  }

  notes(): NoteJson[] {
    return this.#notes.map((id) => {
      const post = this.#posts.get(id) as Post;
      return { id, at: post.at, editedAt: post.editedAt, message: JSON.parse(post.json) as Message };
    });
  }

  timeline(incident: number): readonly TimelineEntry[] {
    return this.#timelines.get(incident) ?? [];
  }

  async #timeline(tx: Transaction<Database>, change: Parameters<Publish>[1]): Promise<void> {
    const entry = { at: change.at, what: change.what, ...(change.by === undefined ? {} : { by: change.by }) };
    await tx
      .insertInto('timeline')
      .values({ incident: change.incident, at: change.at, what: change.what, by: change.by ?? null })
      .execute();
    this.#timelines.set(change.incident, [...(this.#timelines.get(change.incident) ?? []), entry]);
  }

  /** Writes a post when its message differs from what is shown, as its next version. */
  async #write(
    tx: Transaction<Database>,
    id: string,
    incident: number | null,
    role: Post['role'],
    message: Message,
    priority: number,
  ): Promise<void> {
    const json = JSON.stringify(message);
    const before = this.#posts.get(id);
    if (before?.json === json) return;
    const now = this.options.now();
    const post: Post = {
      id,
      incident,
      role,
      version: (before?.version ?? 0) + 1,
      at: before?.at ?? now,
      editedAt: before ? now : null,
      json,
    };
    await writePost(tx, post, this.options.platforms(), priority);
    this.#remember(post);
  }

  #remember(post: Post): void {
    const known = this.#posts.has(post.id);
    this.#posts.set(post.id, post);
    if (known) return;
    if (post.incident === null) {
      this.#notes.push(post.id);
      for (const old of this.#notes.slice(0, -NOTES_KEPT)) this.#posts.delete(old);
      this.#notes = this.#notes.slice(-NOTES_KEPT);
    } else this.#byIncident.set(post.incident, [...(this.#byIncident.get(post.incident) ?? []), post.id]);
  }
}
