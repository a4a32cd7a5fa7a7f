import type { Row } from '../row.ts';
import { CELERY_ROWS } from './celery.ts';
import { HAPROXY_ROWS } from './haproxy.ts';
import { HOST_ROWS } from './host.ts';
import { MEMCACHED_ROWS } from './memcached.ts';
import { MYSQL_ROWS } from './mysql.ts';
import { PGBOUNCER_ROWS } from './pgbouncer.ts';
import { POSTGRES_ROWS } from './postgres.ts';
import { SELF_ROWS } from './self.ts';
import { STACK_ROWS } from './stack.ts';
import { UWSGI_ROWS } from './uwsgi.ts';
import { VARNISH_ROWS } from './varnish.ts';

/** One row a check. A new one is a line in its system's file here. */
export const ROWS: readonly Row[] = [
  ...VARNISH_ROWS,
  ...SELF_ROWS,
  ...MYSQL_ROWS,
  ...CELERY_ROWS,
  ...HOST_ROWS,
  ...HAPROXY_ROWS,
  ...UWSGI_ROWS,
  ...MEMCACHED_ROWS,
  ...POSTGRES_ROWS,
  ...PGBOUNCER_ROWS,
  ...STACK_ROWS,
];
