import type { Proof } from '../../prove/proof.ts';
import { cost } from './cost.ts';
import { hosts } from './hosts.ts';
import { rest } from './rest.ts';
import { round } from './round.ts';
import { watched } from './watched.ts';

/** Every measurement, each beside its peer in the same run. A new one is a file and a line here. */
export const BENCHES: readonly Proof[] = [cost, round, hosts, watched, rest];
