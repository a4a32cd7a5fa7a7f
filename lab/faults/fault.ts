import type { Lab } from '../lab.ts';
import type { Part } from '../plan.ts';
import type { Mix } from '../traffic/mix.ts';

export interface FaultOptions {
  /** The host to break, where the fault leaves a choice. */
  readonly host: string;
}

/** Something that goes wrong on command, and back. Both ways may be called twice. */
export interface Fault {
  readonly name: string;
  readonly summary: string;
  /** Parts that must all be up for it. */
  readonly parts?: readonly Part[];
  /** The host that it breaks unless another is named; undefined where there is nothing to choose. */
  readonly host?: string;
  /** What visitors ask for while it is on. */
  readonly mix?: Partial<Mix>;
  on(lab: Lab, options: FaultOptions): Promise<void>;
  off(lab: Lab, options: FaultOptions): Promise<void>;
}
