import { appOverload } from './app-overload.ts';
import { backendDown } from './backend-down.ts';
import { cookieEverywhere } from './cookie-everywhere.ts';
import { diskFull } from './disk-full.ts';
import type { Fault } from './fault.ts';
import { hostDown } from './host-down.ts';
import { networkCut } from './network-cut.ts';
import { noRedirectCache } from './no-redirect-cache.ts';
import { pinnedCore } from './pinned-core.ts';

/** Every fault; a new one is a file and a line here. */
export const FAULTS: readonly Fault[] = [
  noRedirectCache,
  cookieEverywhere,
  appOverload,
  backendDown,
  pinnedCore,
  hostDown,
  networkCut,
  diskFull,
];

export function findFault(name: string): Fault {
  const fault = FAULTS.find((one) => one.name === name);
  if (!fault)
    throw new RangeError(`There is no fault ${name}; there is ${FAULTS.map((one) => one.name).join(', ')}.`);
  return fault;
}
