export type HealthState = 'ok' | 'degraded' | 'down';

export interface PartHealth {
  readonly part: string;
  readonly state: HealthState;
  /** UTC ms since when it is in this state. */
  readonly since: number;
  readonly what: string;
  readonly mend?: string;
}

/** Where every part of Warroom reports how it is; the `self` checks judge from it. Parts are named `kind:detail`. */
export class HealthBoard {
  readonly #parts = new Map<string, PartHealth>();

  constructor(private readonly now: () => number = Date.now) {}

  report(report: Omit<PartHealth, 'since'>): void {
    const before = this.#parts.get(report.part);
    this.#parts.set(report.part, {
      ...report,
      since: before?.state === report.state ? before.since : this.now(),
    });
  }

  /** The machine's clock was set by so much: how long something lasts does not change with it. */
  clockSet(byMs: number): void {
    for (const [name, part] of this.#parts) this.#parts.set(name, { ...part, since: part.since + byMs });
  }

  forget(part: string): void {
    this.#parts.delete(part);
  }

  /** All parts of a kind (`host`, `collector`, `chat`, `store`). */
  of(kind: string): PartHealth[] {
    return [...this.#parts.values()].filter((part) => part.part === kind || part.part.startsWith(`${kind}:`));
  }
}
