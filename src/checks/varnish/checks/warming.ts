import type { Change, HistoryView, InstanceView, Point } from '../../contract.ts';
import { mean } from '../../rate.ts';

/** A cache that fills must gain this much within a minute to count as warming. */
const RISING_PER_MINUTE = 0.02;
const LONGEST_SLOPE_MS = 60_000;
const SLOPE_POINTS = 3;

export interface Warming {
  /** When and by what it was emptied, or what changed: UTC ms, "a ban". */
  readonly at: number;
  readonly what: string;
  /** Gain of the hit rate a minute; undefined while that is too short ago to tell. */
  readonly perMinute: number | undefined;
  readonly rising: boolean;
}

interface Input {
  readonly target: string;
  readonly at: number;
  readonly instances: readonly InstanceView<object>[];
  readonly history: HistoryView;
  readonly changes: readonly Change[];
}

/** Whether the cache still fills after what emptied it last; undefined when nothing did within the time. */
export function warmingOf(input: Input, windowMs: number): Warming | undefined {
  const begun = emptied(input, windowMs);
  if (!begun) return undefined;
  const since = Math.min(LONGEST_SLOPE_MS, input.at - begun.at);
  const perMinute = slope(hitShares(input, Math.max(1000, since)));
  return { ...begun, perMinute, rising: perMinute !== undefined && perMinute >= RISING_PER_MINUTE };
}

/** What emptied the cache lately, the latest of all. */
function emptied(
  { history, target, at, instances, changes }: Input,
  windowMs: number,
): { at: number; what: string } | undefined {
  const uptimes = instances.flatMap((one) => one.value('varnish.uptime') ?? []);
  const bans = history
    .series({ metric: 'varnish.bans', target, windowMs })
    .filter((point) => point.value > 0);
  return [
    ...uptimes.map((uptime) => ({ at: at - uptime * 1000, what: 'a start' })),
    ...bans.map((point) => ({ at: point.at, what: 'a ban' })),
    ...changes
      .filter((change) => change.target === undefined || change.target === target)
      .map((change) => ({ at: change.at, what: change.what })),
  ]
    .filter((one) => one.at <= at && at - one.at < windowMs)
    .sort((a, b) => b.at - a.at)[0];
}

/** Hits of all instances against requests of all: shares themselves cannot be summed. */
function hitShares({ history, target }: Input, windowMs: number): Point[] {
  const hits = new Map(
    history.series({ metric: 'varnish.hits', target, windowMs }).map(({ at, value }) => [at, value]),
  );
  return history.series({ metric: 'varnish.requests', target, windowMs }).flatMap(({ at, value }) => {
    const hit = hits.get(at);
    return hit === undefined || value <= 0 ? [] : [{ at, value: Math.min(1, hit / value) }];
  });
}

/** Gain a minute: the later half of the series against the earlier; undefined while it is too short to tell. */
function slope(points: readonly Point[]): number | undefined {
  if (points.length < SLOPE_POINTS) return undefined;
  const middle = Math.floor(points.length / 2);
  const [early, late] = [points.slice(0, middle), points.slice(middle)];
  const time = (part: readonly Point[]) => mean(part.map((point) => ({ value: point.at }))) ?? 0;
  const minutes = (time(late) - time(early)) / 60_000;
  return minutes > 0 ? ((mean(late) ?? 0) - (mean(early) ?? 0)) / minutes : undefined;
}
