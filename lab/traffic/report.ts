import type { PageClass } from './mix.ts';

/** What came back for one class of pages, or for all of them, within the window. */
export interface Figures {
  /** Answers a second. */
  readonly rate: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p95: number;
  /** Share of answers that Varnish had. */
  readonly hitShare: number;
  /** Share that failed: 5xx, no answer within 10 s, or never sent because too much was under way. */
  readonly failedShare: number;
}

/** What the last seconds brought, and the totals; the generator writes it each second. */
export interface TrafficReport extends Figures {
  /** UTC milliseconds. */
  readonly at: number;
  readonly pid: number;
  /** The rate that was asked for. */
  readonly wanted: number;
  readonly windowSeconds: number;
  readonly inFlight: number;
  /** Within the window; 0 is "no answer". */
  readonly codes: Readonly<Record<string, number>>;
  readonly classes: Readonly<Partial<Record<PageClass, Figures>>>;
  /** Since the traffic began: answers, those that failed, and those never sent. */
  readonly total: number;
  readonly failed: number;
  readonly shed: number;
}

export interface Done {
  readonly kind: PageClass;
  /** When it ended, and how long it took. */
  readonly at: number;
  readonly ms: number;
  readonly code: number;
  readonly hit: boolean;
}

export function failed(one: Done): boolean {
  return one.code === 0 || one.code >= 500;
}

export function figures(window: readonly Done[], seconds: number): Figures {
  const times = window.map((one) => one.ms).sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  const share = (of: (one: Done) => boolean) => window.filter(of).length / Math.max(1, window.length);
  return {
    rate: window.length / seconds,
    p50: at(0.5),
    p95: at(0.95),
    hitShare: share((one) => one.hit),
    failedShare: share(failed),
  };
}

export function byClass(window: readonly Done[], seconds: number): Partial<Record<PageClass, Figures>> {
  const kinds = [...new Set(window.map((one) => one.kind))];
  return Object.fromEntries(
    kinds.map((kind) => [
      kind,
      figures(
        window.filter((one) => one.kind === kind),
        seconds,
      ),
    ]),
  );
}

export function countCodes(window: readonly Done[]): Record<string, number> {
  const codes: Record<string, number> = {};
  for (const one of window) codes[one.code] = (codes[one.code] ?? 0) + 1;
  return codes;
}
