import type { Level } from './contract.ts';

export interface Limits {
  readonly warn: number;
  readonly critical: number;
  /** Where a bad value counts as good again; default: the warn limit itself. */
  readonly clear?: number | undefined;
}

/** Level of a figure that is bad when high (`above`) or bad when low (`below`), and whether it is past clearing. */
export function grade(
  value: number,
  limits: Limits,
  bad: 'above' | 'below',
): { level: Level; cleared: boolean; threshold: number } {
  const worse = (limit: number) => (bad === 'above' ? value > limit : value < limit);
  if (worse(limits.critical)) return { level: 'critical', cleared: false, threshold: limits.critical };
  if (worse(limits.warn)) return { level: 'warn', cleared: false, threshold: limits.warn };
  return { level: 'ok', cleared: !worse(limits.clear ?? limits.warn), threshold: limits.warn };
}
