import type { Timed } from './contract.ts';
import { redactPath } from './redact.ts';

/** Two snapshots further apart than this are no pair: what happened in between is not known. */
const LONGEST_GAP_S = 120;

/** Seconds between two snapshots; undefined when there is no pair to take a rate from. */
export function secondsBetween(
  previous: Timed<unknown> | undefined,
  current: Timed<unknown>,
): number | undefined {
  if (!previous) return undefined;
  const seconds = (current.at - previous.at) / 1000;
  return seconds > 0 && seconds <= LONGEST_GAP_S ? seconds : undefined;
}

/** Growth of a counter; undefined after a reset, when it went back. */
export function growth(before: number | undefined, now: number | undefined): number | undefined {
  if (before === undefined || now === undefined || now < before) return undefined;
  return now - before;
}

/** A part of a whole, from 0 to 1; undefined when there is no whole. */
export function share(part: number, whole: number): number | undefined {
  return whole > 0 ? Math.min(1, Math.max(0, part / whole)) : undefined;
}

/** Mean of a series' values; undefined when it is empty. */
export function mean(points: readonly { readonly value: number }[]): number | undefined {
  return points.length > 0 ? points.reduce((sum, point) => sum + point.value, 0) / points.length : undefined;
}

/** Text of a watched system, short and without control characters. The renderers escape the rest. */
export function plain(text: string, most = 200): string {
  const clean = text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, '·');
  return clean.length > most ? `${clean.slice(0, most - 1)}…` : clean;
}

/** The path of a URL: without what may be secret in it. */
export function pathOf(url: string): string {
  return plain(redactPath(url));
}
