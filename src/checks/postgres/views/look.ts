import type { CollectContext, Evidence, Measured, Reading, Timed } from '../../contract.ts';
import { pause } from '../../pause.ts';
import type { PostgresFacts } from '../facts.ts';

const LOOK_MS = 1000;
/** Rows of a table at most. */
export const MOST = 20;

/** Two snapshots of its own a second apart, measured. */
export async function look<S>(
  context: CollectContext,
  collect: (context: CollectContext, previous: Timed<S> | undefined) => Promise<S>,
  measure: (previous: Timed<S> | undefined, current: Timed<S>) => Measured<PostgresFacts>,
): Promise<Measured<PostgresFacts>> {
  const first = { snapshot: await collect(context, undefined), at: Date.now() };
  await pause(LOOK_MS, context.signal);
  const second = { snapshot: await collect(context, first), at: Date.now() };
  return measure(first, second);
}

export async function now<S>(
  context: CollectContext,
  collect: (context: CollectContext, previous: Timed<S> | undefined) => Promise<S>,
  measure: (previous: Timed<S> | undefined, current: Timed<S>) => Measured<PostgresFacts>,
): Promise<Measured<PostgresFacts>> {
  return measure(undefined, { snapshot: await collect(context, undefined), at: Date.now() });
}

export function figures(readings: readonly Reading[]): Evidence {
  return {
    kind: 'figures',
    rows: readings
      .filter((reading) => reading.labels === undefined)
      .map(({ metric, value, unit }) => ({
        name: metric.replace('postgres.', '').replaceAll('_', ' '),
        value,
        unit,
      })),
  };
}
