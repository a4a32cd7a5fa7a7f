import type { Stack } from '../../src/config/stack.ts';
import type { Targets } from '../../src/targets/contract.ts';
import { openTargets } from '../../src/targets/targets.ts';

/** The local machine under both accounts; nothing here needs a secret. */
export function localTargets(stack: Stack): Targets {
  return openTargets(stack, () => {
    throw new Error('no secret is needed here');
  });
}
