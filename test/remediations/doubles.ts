import type { HistoryView } from '../../src/checks/contract.ts';
import type { Seen } from '../../src/checks/seen.ts';
import type { Stack } from '../../src/config/stack.ts';
import type { Identity } from '../../src/people/person.ts';
import type { Targets } from '../../src/targets/contract.ts';
import { openTargets } from '../../src/targets/targets.ts';

/** The local machine under both accounts; nothing here needs a secret. */
export function localTargets(stack: Stack): Targets {
  return openTargets(stack, () => {
    throw new Error('no secret is needed here');
  });
}

/** A history that says what the test wants; each series has five samples in its window. */
export function saidHistory(now: () => number, value: (metric: string) => number | undefined): HistoryView {
  const series = ({ metric, windowMs }: { metric: string; windowMs: number }) => {
    const said = value(metric);
    if (said === undefined) return [];
    return [4, 3, 2, 1, 0].map((back) => ({ at: now() - (back * windowMs) / 5, value: said }));
  };
  return { series, latest: (query) => series({ ...query, windowMs: 1000 }).at(-1) };
}

export function seenWith(history: HistoryView, facts: Readonly<Record<string, object>> = {}): Seen {
  return {
    history,
    findings: () => [],
    facts: <F>(target: string) =>
      new Map<string, Partial<F>>(facts[target] ? [['here', facts[target] as Partial<F>]] : []),
    changes: () => [],
  };
}

export const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** Somebody at the test platform, whose id there is the name in the config. */
export const as = (name: string, kind: Identity['kind'] = 'member'): Identity => ({
  platform: 'test',
  id: name,
  display: name,
  kind,
});

export const PEOPLE = {
  ada: { console: 'ada', may: ['see', 'operate', 'approve'] },
  ben: { console: 'ben', may: ['see', 'operate', 'approve'] },
  cleo: { console: 'cleo', may: ['see', 'operate'] },
} as const;
