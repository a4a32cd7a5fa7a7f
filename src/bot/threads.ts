import type { Transaction } from 'kysely';
import { withoutHidden } from '../errors/hidden.ts';
import type { IncidentBook } from '../incidents/book.ts';
import { own, paragraph, say } from '../message/build.ts';
import type { Message } from '../message/contract.ts';
import type { Publish } from '../remediations/contract.ts';
import { type Post, postsOf, writePost } from '../store/outbox.ts';
import type { Database } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import { transact, whenEnded } from '../store/transact.ts';
import type { NoteJson, ProposalJson, ThreadMessageJson } from './contract.ts';
import { BOARD_ID, headId } from './deliver.ts';
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

/** What a transaction writes. It is shown once it is stored; what happened is shown even where the store refuses it. */
interface Draft {
  readonly posts: Map<string, Post>;
  readonly entries: Map<number, TimelineEntry[]>;
  readonly touched: Set<number | null>;
  readonly happened: Set<number>;
}

/** The threads as they are shown: one head an incident, its replies, the channel's notes. Written with the change that they tell of. */
export class Threads {
  readonly #posts = new Map<string, Post>();
  readonly #byIncident = new Map<number, string[]>();
  readonly #timelines = new Map<number, TimelineEntry[]>();
  readonly #drafts = new WeakMap<Transaction<Database>, Draft>();
  /** Of each incident, what happened and is not stored yet. */
  readonly #unstored = new Map<number, { posts: readonly Post[]; entries: readonly TimelineEntry[] }>();
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
    const draft = this.#draft(tx, incident.id);
    const drafted = () => draft.entries.get(incident.id) ?? [];
    if (change.happened) draft.happened.add(incident.id);
    if (change.what !== '') draft.entries.set(incident.id, [...drafted(), entryOf(change)]);
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
      await this.#write(
        tx,
        proposalPostId(proposal.id),
        incident.id,
        'reply',
        proposalMessage(proposal),
        priority,
      );
    if (change.reply && change.what !== '') {
      const id = `${headId(incident.id)}r${this.#stored(incident.id).length + drafted().length}`;
      const text = say`${change.what}${change.by === undefined ? own('') : say` (${change.by})`}`;
      const mentions = change.mentions === undefined ? {} : { mentions: change.mentions };
      const message = { blocks: [paragraph(text)], ...mentions };
      await this.#write(tx, id, incident.id, 'reply', message, priority);
    }
    if (change.what !== '')
      await tx
        .insertInto('timeline')
        .values({ incident: incident.id, at: change.at, what: change.what, by: change.by ?? null })
        .execute();
  };

  /** A message of the channel itself; the same id edits it in place. */
  async note(id: string, message: Message): Promise<void> {
    await transact(this.options.store.db, (tx) => this.#write(tx, id, null, 'note', message, 2));
  }

  messages(incident: number): ThreadMessageJson[] {
    const posts = new Map(
      (this.#byIncident.get(incident) ?? []).map((id) => [id, this.#posts.get(id) as Post]),
    );
    for (const post of this.#unstored.get(incident)?.posts ?? []) posts.set(post.id, post);
    return [...posts.values()].map((post) => {
      return {
        id: post.id,
        role: post.role === 'head' ? 'head' : 'reply',
        at: post.at,
        editedAt: post.editedAt,
        message: JSON.parse(post.json) as Message,
      };
    });
  }

  notes(): NoteJson[] {
    // The board is for channels; the console has its status in sight always.
    const shown = this.#notes.filter((id) => id !== BOARD_ID);
    return shown.map((id) => {
      const post = this.#posts.get(id) as Post;
      return { id, at: post.at, editedAt: post.editedAt, message: JSON.parse(post.json) as Message };
    });
  }

  timeline(incident: number): readonly TimelineEntry[] {
    return [...this.#stored(incident), ...(this.#unstored.get(incident)?.entries ?? [])];
  }

  #stored(incident: number): readonly TimelineEntry[] {
    return this.#timelines.get(incident) ?? [];
  }

  #draft(tx: Transaction<Database>, incident: number | null): Draft {
    let draft = this.#drafts.get(tx);
    if (!draft) {
      const made: Draft = { posts: new Map(), entries: new Map(), touched: new Set(), happened: new Set() };
      draft = made;
      this.#drafts.set(tx, made);
      whenEnded(tx, (stored) => this.#settle(made, stored));
    }
    draft.touched.add(incident);
    return draft;
  }

  #settle(draft: Draft, stored: boolean): void {
    if (stored) {
      for (const post of draft.posts.values()) this.#remember(post);
      for (const [incident, entries] of draft.entries)
        this.#timelines.set(incident, [...this.#stored(incident), ...entries]);
    }
    // Each try holds all that is not stored yet: the newest one replaces what an earlier one showed.
    for (const incident of draft.happened) {
      if (stored) this.#unstored.delete(incident);
      else
        this.#unstored.set(incident, {
          posts: [...draft.posts.values()].filter((post) => post.incident === incident),
          entries: draft.entries.get(incident) ?? [],
        });
    }
    for (const incident of draft.touched)
      if (stored || (incident !== null && draft.happened.has(incident))) this.options.onPost(incident);
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
    // Every message to people passes here on its way to the store, and from there to all platforms.
    const json = withoutHidden(JSON.stringify(message));
    const draft = this.#draft(tx, incident);
    const before = draft.posts.get(id) ?? this.#posts.get(id);
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
    draft.posts.set(id, post);
    await writePost(tx, post, this.options.platforms(), priority);
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

export function proposalPostId(proposal: string): string {
  return `p${proposal}`;
}

function entryOf({ at, what, by }: Parameters<Publish>[1]): TimelineEntry {
  return { at, what, ...(by === undefined ? {} : { by }) };
}
