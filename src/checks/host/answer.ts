import { WarroomError } from '../../errors/catalogue.ts';
import type { Command } from '../../targets/command.ts';
import type { Output } from '../../targets/contract.ts';
import type { CollectContext } from '../contract.ts';

const MAX_BYTES = 4 * 1024 * 1024;

export type Looking = Pick<CollectContext, 'target' | 'signal'>;

/** One look at a host; more than fits is no answer. */
export async function answer(
  { target, signal }: Looking,
  command: Command,
  what: string,
  way: 'read' | 'exec' = 'read',
  timeoutMs = 4000,
): Promise<Output> {
  const output = await target[way](command, { signal, maxBytes: MAX_BYTES, timeoutMs });
  if (output.cut)
    throw new WarroomError('TARGET_CUT', { target: target.name, command: what, maxBytes: MAX_BYTES });
  return output;
}
