import type { Proof } from '../proof.ts';
import { healthy } from './healthy.ts';
import { story1 } from './story-1.ts';

/** Every promised thing; a new one is a file and a line here. */
export const PROOFS: readonly Proof[] = [story1, healthy];
