import type { Track } from './samples.ts';

/** The last samples of every identity, found by it, or by `check@target` alone: a round asks for these each time. */
export class Tracks {
  readonly #groups = new Map<string, Map<string, Track>>();

  get(id: string): Track | undefined {
    return this.#groups.get(groupOf(id))?.get(id);
  }

  set(id: string, track: Track): void {
    const name = groupOf(id);
    const group = this.#groups.get(name) ?? new Map<string, Track>();
    this.#groups.set(name, group.set(id, track));
  }

  delete(id: string): void {
    this.#groups.get(groupOf(id))?.delete(id);
  }

  /** All identities of `check@target`, with or without a subject. */
  of(group: string): [string, Track][] {
    return [...(this.#groups.get(group) ?? [])];
  }
}

/** `check@target/subject` -> `check@target`; only a subject may hold a slash. */
function groupOf(id: string): string {
  const slash = id.indexOf('/');
  return slash < 0 ? id : id.slice(0, slash);
}
