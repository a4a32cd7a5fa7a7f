import { celery } from './celery/index.ts';
import type { System } from './contract.ts';
import { haproxy } from './haproxy/index.ts';
import { host } from './host/index.ts';
import { memcached } from './memcached/index.ts';
import { mysql } from './mysql/index.ts';
import { pgbouncer } from './pgbouncer/index.ts';
import { postgres } from './postgres/index.ts';
import { self } from './self/index.ts';
import { stack } from './stack/index.ts';
import { uwsgi } from './uwsgi/index.ts';
import { varnish } from './varnish/index.ts';

/** Every watched system; a new one is a folder and a line here. */
export const SYSTEMS: readonly System[] = [
  host,
  varnish,
  haproxy,
  uwsgi,
  celery,
  memcached,
  pgbouncer,
  postgres,
  mysql,
  stack,
  self,
];
