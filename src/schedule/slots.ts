import type { Collector, Measured, Place, Timed } from '../checks/contract.ts';

export interface Problem {
  readonly at: number;
  readonly text: string;
  readonly mend?: string;
  /** It lacks a right, and never had it. */
  readonly setUp: boolean;
  /** Nobody was there to answer. */
  readonly gone: boolean;
}

/** A collector at a place, and how it did. */
export interface Slot {
  readonly place: Place;
  readonly collector: Collector<unknown, object>;
  previous: Timed<unknown> | undefined;
  measured: { at: number; result: Measured<object> } | undefined;
  /** Snapshots since the start. */
  snapshots: number;
  problem: Problem | undefined;
  /** Whether it was last judged as one whose server had gone since (`problemOf`). */
  doubted: boolean;
  running: boolean;
  everWell: boolean;
  skipped: number;
}

/**
 * Why its last round says nothing of now: it failed, or a quicker one at the same place (`beside`) has found nobody
 * there since. A minute-old "ok" of a server that is gone would be a lie.
 */
export function problemOf(slot: Slot, beside: readonly Slot[]): Problem | undefined {
  const { measured, place, collector } = slot;
  if (!measured) return slot.problem;
  return beside.find(
    (other) =>
      other.place.system === place.system &&
      other.place.instance === place.instance &&
      other.collector.everySeconds < collector.everySeconds &&
      other.measured === undefined &&
      other.problem?.gone === true &&
      other.problem.at > measured.at,
  )?.problem;
}

export function byTarget(slots: Iterable<Slot>): Map<string, Slot[]> {
  const groups = new Map<string, Slot[]>();
  for (const slot of slots) {
    const group = groups.get(slot.place.target) ?? [];
    groups.set(slot.place.target, group);
    group.push(slot);
  }
  return groups;
}

/** So many hosts are begun with at once; each one more a little after the one before it, all within the time below. */
const AT_ONCE = 20;
const STEP_MS = 15;
const LAST_START_MS = 3_000;

/**
 * Milliseconds after which a target's collectors start. All answers of a large fleet at one moment would block the
 * event loop for half a second, and be in memory at once.
 */
export function startsOf(groups: Iterable<readonly Slot[]>): Map<string, number> {
  const hosts = new Set<string>();
  for (const [slot] of groups) if (slot?.place.system === 'host') hosts.add(slot.place.target);
  const late = [...hosts].slice(AT_ONCE);
  const step = Math.min(STEP_MS, LAST_START_MS / late.length);
  return new Map(late.map((host, i) => [host, Math.ceil((i + 1) * step)]));
}

/** When none could be looked at, one finding says so, with what each of them lacks. */
export function mendsOf(problems: readonly (Problem | undefined)[]): string | undefined {
  const mends = new Set(problems.flatMap((problem) => problem?.mend || []));
  return mends.size > 0 ? [...mends].join(' ') : undefined;
}
