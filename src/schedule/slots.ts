import type { Collector, Measured, Place, Timed } from '../checks/contract.ts';

/** A collector at a place, and how it did. */
export interface Slot {
  readonly place: Place;
  readonly collector: Collector<unknown, object>;
  previous: Timed<unknown> | undefined;
  measured: { at: number; result: Measured<object> } | undefined;
  /** Snapshots since the start. */
  snapshots: number;
  problem: { at: number; text: string; mend?: string; setUp: boolean } | undefined;
  running: boolean;
  everWell: boolean;
  skipped: number;
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
export function mendsOf(failed: readonly Slot[]): string | undefined {
  const mends = new Set(failed.flatMap((slot) => slot.problem?.mend || []));
  return mends.size > 0 ? [...mends].join(' ') : undefined;
}
