import type { AnyStepType } from '../contract.ts';
import { haproxyAddServer, haproxyDrain, haproxyRemove } from './haproxy.ts';
import { httpHealthy } from './http.ts';
import { varnishLoad, varnishUse } from './varnish.ts';

/** Every type of step; a journal finds its steps here by type and version. */
export const STEP_TYPES: readonly AnyStepType[] = [
  varnishLoad,
  varnishUse,
  httpHealthy,
  haproxyAddServer,
  haproxyDrain,
  haproxyRemove,
];
