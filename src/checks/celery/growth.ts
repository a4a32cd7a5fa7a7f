import type { Point } from '../contract.ts';

/** How a backlog moves. */
export interface Movement {
  /** Tasks a second; negative while it shrinks; undefined with too few points. */
  readonly perSecond: number | undefined;
  /** It grew at every look of the last ones: more came than was done, all the time. */
  readonly growing: boolean;
}

/** Looks in a row; with 5 s between them a burst that is worked off is none. */
const LOOKS = 4;
/** Growth that is more than chance: tasks, and a share of what waits. */
const LEAST_TASKS = 10;
const LEAST_SHARE = 0.03;

export function movementOf(points: readonly Point[]): Movement {
  const last = points.slice(-LOOKS);
  const [first] = last;
  const newest = last.at(-1);
  if (!first || !newest || last.length < LOOKS || newest.at <= first.at)
    return { perSecond: undefined, growing: false };
  const grown = newest.value - first.value;
  const rising = last.every((point, i) => i === 0 || point.value > (last[i - 1] as Point).value);
  return {
    perSecond: grown / ((newest.at - first.at) / 1000),
    growing: rising && grown >= Math.max(LEAST_TASKS, LEAST_SHARE * newest.value),
  };
}
