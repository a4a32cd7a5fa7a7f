import type { Row } from '../row.ts';
import { VARNISH_ROWS } from './varnish.ts';

/** One row a check. A new one is a line in its system's file here. */
export const ROWS: readonly Row[] = [...VARNISH_ROWS];
