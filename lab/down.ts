import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { dropHost } from './host.ts';
import { dropBridge } from './network.ts';
import { HOSTS } from './plan.ts';
import { claimOf, readState, releaseNumber, retire } from './state.ts';

/**
 * Ends everything that the lab made and removes its folder, or with `keep` leaves the folder for a look. Works on a
 * lab that is half made, too. False when there was none.
 */
export async function downLab(root: string, options: { readonly keep?: boolean } = {}): Promise<boolean> {
  const folder = resolve(root);
  const number = claimOf(folder)?.number;
  if (number === undefined && !readState(folder)) return false;
  if (number !== undefined) {
    await Promise.all(HOSTS.map((host) => dropHost(number, host.name)));
    dropBridge(number);
  }
  if (options.keep) retire(folder);
  else rmSync(folder, { recursive: true, force: true });
  if (number !== undefined) releaseNumber(number);
  return true;
}
