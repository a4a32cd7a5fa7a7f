import { sh } from '../../targets/command.ts';
import type { CollectContext, Measured, Timed } from '../contract.ts';
import { instanceOf } from './command.ts';
import type { ThreadLimit, VarnishFacts } from './facts.ts';

const DEFAULT_PER_POOL = 5000;
const TIMEOUT_MS = 3500;

/**
 * How many threads a pool may have. varnishd says it to those who may read its secret, which a reading account need
 * not; then its command line, and what no one set is the default.
 */
export async function collectLimits(context: CollectContext): Promise<ThreadLimit> {
  const { target, place, signal } = context;
  const name = instanceOf(place);
  const options = { signal, timeoutMs: TIMEOUT_MS };
  const asked = await target.exec(
    name === undefined
      ? sh`$(command -v varnishadm || command -v vinyladm || echo varnishadm) -t 1 param.show thread_pool_max 2>/dev/null || true; ps -ww -C varnishd,vinyld -o args= || true`
      : sh`$(command -v varnishadm || command -v vinyladm || echo varnishadm) -t 1 -n ${name} param.show thread_pool_max 2>/dev/null || true; ps -ww -C varnishd,vinyld -o args= || true`,
    options,
  );
  return parseLimits(asked.stdout, name);
}

export function parseLimits(text: string, instance: string | undefined): ThreadLimit {
  const told = Number(/^\s*Value is:\s*(\d{1,9})\b/m.exec(text)?.[1] ?? Number.NaN);
  if (Number.isFinite(told)) return { perPool: told, source: 'varnishd' };
  for (const line of text.split('\n')) {
    if (/(?:^|\s)-n\s*(\S+)/.exec(line)?.[1] !== instance) continue;
    const set = Number(/(?:^|\s)-p\s*thread_pool_max=(\d{1,9})\b/.exec(line)?.[1] ?? Number.NaN);
    if (Number.isFinite(set)) return { perPool: set, source: 'its command line' };
  }
  return { perPool: DEFAULT_PER_POOL, source: 'default' };
}

export function measureLimits(
  _previous: Timed<ThreadLimit> | undefined,
  { snapshot }: Timed<ThreadLimit>,
): Measured<VarnishFacts> {
  return {
    readings: [{ metric: 'varnish.threads_per_pool', value: snapshot.perPool, unit: 'count' }],
    facts: { threadLimit: snapshot },
  };
}
