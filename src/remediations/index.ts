import { addAppServer } from './add-app-server.ts';
import { cacheRule } from './cache-rule/index.ts';
import type { AnyRemediation } from './contract.ts';
import { removeAppServer } from './remove-app-server.ts';

/** Every remediation; adding one is its file and a line here. */
export const REMEDIATIONS: readonly AnyRemediation[] = [cacheRule, addAppServer, removeAppServer];
export { STEP_TYPES } from './steps/index.ts';
