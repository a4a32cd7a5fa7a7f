import type { Lab } from '../lab.ts';

/** Something that goes wrong, on command and back. Both ways may be called twice. */
export interface Fault {
  readonly name: string;
  readonly summary: string;
  on(lab: Lab): Promise<void>;
  off(lab: Lab): Promise<void>;
}
