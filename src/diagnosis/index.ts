import { appOverload } from './causes/app-overload.ts';
import { backendDown } from './causes/backend-down.ts';
import { cacheBypassed } from './causes/cache-bypassed.ts';
import { hostSaturated } from './causes/host-saturated.ts';
import { hotUncachedRedirects } from './causes/hot-uncached-redirects.ts';
import type { Cause } from './contract.ts';

/** Every cause; a new one is a file and a line here. */
export const CAUSES: readonly Cause<unknown>[] = [
  hotUncachedRedirects,
  appOverload,
  cacheBypassed,
  backendDown,
  hostSaturated,
];
export { about, diagnose } from './diagnose.ts';
