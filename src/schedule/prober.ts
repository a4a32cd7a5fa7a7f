import { contextAt } from '../checks/context.ts';
import type { Probe } from '../checks/contract.ts';
import { WarroomError } from '../errors/catalogue.ts';
import type { Targets } from '../targets/contract.ts';
import type { Watcher } from './watcher.ts';

const PROBE_MS = 5_000;

/** Asks read-only probes at a target's first place, or at the named host, under the reading account. */
export function prober(watcher: Watcher, targets: Targets) {
  return async <A, R>(probe: Probe<A, R>, target: string, args: A, host?: string): Promise<R> => {
    const place = watcher.places(target).find((one) => host === undefined || one.instance === host);
    if (!place) throw new WarroomError('NOT_FOUND', { kind: 'place', id: host ?? target, hint: '' });
    return probe.run(contextAt(place, targets, AbortSignal.timeout(PROBE_MS)), args);
  };
}
