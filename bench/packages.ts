import { existsSync } from 'node:fs';
import { installPackages } from '../lab/packages.ts';
import { Failed } from '../prove/proof.ts';

/** Brings a peer in from the distribution's packages where it is missing. */
export function ensureProgram(
  program: string,
  packages: readonly string[],
  say: (line: string) => void,
): void {
  if (existsSync(program)) return;
  installPackages(packages, say);
  if (!existsSync(program))
    throw new Failed(`${program} is not there after installing ${packages.join(' ')}`);
}
