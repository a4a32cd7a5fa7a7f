import type { HistoryView } from '../checks/contract.ts';
import { figure } from '../message/figures.ts';
import type { Goal, Verify, VerifyJson } from './contract.ts';

export type Verdict = 'better' | 'not better' | 'could not tell';

/** The figures before the change, one a goal; null where there was none. */
export type Baseline = readonly (number | null)[];

const BASELINE_SAMPLES = 5;
const BASELINE_MS = 3 * 60_000;
/** One sample alone may be half before and half after. */
const FEWEST_SAMPLES = 2;

export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low, high] = [sorted[middle - 1] as number, sorted[middle] as number];
  return sorted.length % 2 === 1 ? high : (low + high) / 2;
}

interface Metric {
  readonly metric: string;
  readonly target: string;
}
type Sampled = (metric: Metric) => readonly number[];

/** What a goal's figure is by these samples, per unit of traffic where it asks for that. */
function figureOf(goal: Goal, sampled: Sampled): number | null {
  const own = sampled(goal);
  if (own.length < FEWEST_SAMPLES) return null;
  const value = median(own);
  if (!goal.per || value === null) return value;
  const traffic = sampled(goal.per);
  const per = traffic.length < FEWEST_SAMPLES ? null : median(traffic);
  return per === null || per <= 0 ? null : value / per;
}

export function baselineOf(verify: Verify, history: HistoryView): Baseline {
  const sampled: Sampled = ({ metric, target }) =>
    history
      .series({ metric, target, windowMs: BASELINE_MS })
      .slice(-BASELINE_SAMPLES)
      .map((point) => point.value);
  return verify.goals.map((goal) => figureOf(goal, sampled));
}

/** Whether the figures before are enough to be compared with: without them nothing can be called better. */
export function comparable(verify: Verify, baseline: Baseline): boolean {
  const known = verify.goals.map((goal, index) => baseline[index] !== null || goal.enough !== undefined);
  return verify.mode === 'all' ? known.every(Boolean) : known.some(Boolean);
}

/** The figure that a goal must reach: the easier one of its gain and what is good enough. */
export function wanted(goal: Goal, before: number | null): number | null {
  const limits = [
    ...(goal.enough === undefined ? [] : [goal.enough]),
    ...(before === null ? [] : [moved(goal, before)]),
  ];
  if (limits.length === 0) return null;
  return goal.direction === 'down' ? Math.max(...limits) : Math.min(...limits);
}

function moved(goal: Goal, before: number): number {
  const sign = goal.direction === 'down' ? -1 : 1;
  return goal.notWorseBy === undefined
    ? before * (1 + sign * goal.minimumGain)
    : before - sign * goal.notWorseBy;
}

/** Judged by the samples since `from` alone. No data, or too little traffic, is never a success. */
export function judge(
  verify: Verify,
  baseline: Baseline | undefined,
  history: HistoryView,
  from: number,
  now: number,
): { readonly verdict: Verdict; readonly rows: readonly VerifyJson[]; readonly why: string } {
  const sampled: Sampled = ({ metric, target }) =>
    history
      .series({ metric, target, windowMs: Math.max(0, now - from) })
      .filter((point) => point.at >= from)
      .map((point) => point.value);
  const rows = verify.goals.map((goal, index): VerifyJson => {
    const before = baseline?.[index] ?? null;
    const after = figureOf(goal, sampled);
    return {
      name: goal.name,
      unit: goal.unit,
      before,
      after,
      wanted: wanted(goal, before),
      verdict: goalVerdict(goal, before, after),
    };
  });
  const traffic = median(sampled(verify.minimumTraffic));
  if (traffic === null || traffic < verify.minimumTraffic.value)
    return { verdict: 'could not tell', rows, why: thin(verify, traffic) };
  const verdict = together(
    verify.mode,
    rows.map((row) => row.verdict as Verdict),
  );
  return { verdict, rows, why: rows.map(rowText).join('; ') };
}

function goalVerdict(goal: Goal, before: number | null, after: number | null): Verdict {
  if (after === null) return 'could not tell';
  const reached = (limit: number) => (goal.direction === 'down' ? after <= limit : after >= limit);
  if (goal.enough !== undefined && reached(goal.enough)) return 'better';
  if (before === null) return 'could not tell';
  // From nothing there is no relative gain: a queue of 0 cannot be cured.
  if (goal.notWorseBy === undefined && before === 0 && goal.direction === 'down') return 'not better';
  return reached(moved(goal, before)) ? 'better' : 'not better';
}

function together(mode: Verify['mode'], verdicts: readonly Verdict[]): Verdict {
  const [first, last]: readonly Verdict[] =
    mode === 'all' ? ['not better', 'better'] : ['better', 'not better'];
  if (verdicts.includes(first as Verdict)) return first as Verdict;
  if (verdicts.length === 0 || verdicts.includes('could not tell')) return 'could not tell';
  return last as Verdict;
}

function thin(verify: Verify, traffic: number | null): string {
  const { metric, target, value } = verify.minimumTraffic;
  return traffic === null
    ? `there were no samples of ${metric} at ${target}`
    : `${metric} at ${target} was ${figure(traffic, '/s')}, under the ${figure(value, '/s')} that a verdict needs`;
}

function rowText(row: VerifyJson): string {
  const text = (value: number | null) => (value === null ? 'no figure' : figure(value, row.unit));
  const limit = row.wanted === null ? '' : ` (wanted ${text(row.wanted)})`;
  return `${row.name} ${text(row.before)} -> ${text(row.after)}${limit}`;
}

/** The rows before anything ran, and once the baseline is known. */
export function openRows(verify: Verify, baseline?: Baseline): VerifyJson[] {
  return verify.goals.map((goal, index) => {
    const before = baseline?.[index] ?? null;
    return {
      name: goal.name,
      unit: goal.unit,
      before,
      after: null,
      wanted: wanted(goal, before),
      verdict: null,
    };
  });
}
