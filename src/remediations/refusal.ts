import type { Refusal } from './contract.ts';

/** A reason instead of what was asked for. */
export function isRefusal<T>(value: T | Refusal): value is Refusal {
  return typeof value === 'object' && value !== null && 'refused' in value;
}
