import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { dropHost } from './host.ts';
import { dropBridge } from './network.ts';
import { HOSTS } from './plan.ts';
import { numberOf, readState, releaseNumber } from './state.ts';

/**
 * Ends everything that the lab made and removes its folder, or with `keep` leaves the folder for a look. Works on a
 * lab that is half made, too. False when there was none.
 */
export async function downLab(root: string, options: { readonly keep?: boolean } = {}): Promise<boolean> {
  const folder = resolve(root);
  const number = readState(folder)?.number ?? numberOf(folder);
  if (number === undefined) return false;
  await Promise.all(HOSTS.map((host) => dropHost(number, host.name)));
  dropBridge(number);
  if (options.keep) rmSync(join(folder, 'lab.json'), { force: true });
  else rmSync(folder, { recursive: true, force: true });
  releaseNumber(number);
  return true;
}
