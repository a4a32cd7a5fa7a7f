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

/** When none could be looked at, one finding says so, with what each of them lacks. */
export function mendsOf(failed: readonly Slot[]): string | undefined {
  const mends = new Set(failed.flatMap((slot) => slot.problem?.mend || []));
  return mends.size > 0 ? [...mends].join(' ') : undefined;
}
