import type { Row } from '../row.ts';
import { CELERY_ROWS } from './celery.ts';
import { MYSQL_ROWS } from './mysql.ts';
import { VARNISH_ROWS } from './varnish.ts';

/** One row a check. A new one is a line in its system's file here. */
export const ROWS: readonly Row[] = [...VARNISH_ROWS, ...MYSQL_ROWS, ...CELERY_ROWS];
