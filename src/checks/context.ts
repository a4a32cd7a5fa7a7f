import type { Targets } from '../targets/contract.ts';
import type { LinkKind } from '../targets/links.ts';
import type { CollectContext, Place } from './contract.ts';

/** What collectors, probes and views of a place are given; everything ends when the signal is aborted. */
export function contextAt(place: Place, targets: Targets, signal: AbortSignal): CollectContext {
  const target = place.host ? targets.reading(place.host.name) : targets.direct(place.instance);
  return {
    place,
    target,
    signal,
    link: <C, R>(
      kind: LinkKind<C>,
      source: Parameters<CollectContext['link']>[1],
      work: (client: C) => Promise<R>,
      from?: string,
    ) => {
      const via = from !== undefined && place.stack.hosts.has(from) ? targets.reading(from) : target;
      return targets.links.use(kind, { via, source, signal }, work);
    },
  };
}
