import type { Row } from '../row.ts';

/** One row a check. A new one is a line in its system's file here. */
export const ROWS: readonly Row[] = [];
