import { ack } from './ack.ts';
import { capacity } from './capacity.ts';
import { catchUp } from './catch-up.ts';
import type { Command } from './contract.ts';
import { fix } from './fix.ts';
import { handsOff } from './hands-off.ts';
import { help } from './help.ts';
import { incidents } from './incidents.ts';
import { host, serviceLook } from './looks.ts';
import { mark } from './mark.ts';
import { plan } from './plan.ts';
import { approve, refuse } from './press.ts';
import { silence } from './silence.ts';
import { status } from './status.ts';
import { timeline } from './timeline.ts';
import { whoami } from './whoami.ts';
import { why } from './why.ts';
import { whyNot } from './why-not.ts';

/** Every command, in the order in which help lists them. A new one is a file and a line here. */
export const COMMANDS: readonly Command[] = [
  status,
  why,
  host,
  serviceLook(
    'varnish',
    ['v'],
    'Varnish: hit rate, misses, URLs, statuses, histogram, backends',
    'varnish misses',
  ),
  serviceLook('haproxy', ['ha', 'lb'], 'The balancer: servers, queues, errors', 'haproxy'),
  serviceLook('uwsgi', ['app'], 'Application workers, as uwsgitop shows them', 'uwsgi workers app1'),
  serviceLook(
    'celery',
    ['tasks'],
    'Task workers and queues, as celery inspect and flower show them',
    'celery queues',
  ),
  serviceLook('memcached', ['mc'], 'Caches: hit rate by key prefix, evictions, balance', 'memcached'),
  serviceLook(
    'postgres',
    ['pg'],
    'PostgreSQL: activity, statements, locks, tables, indexes, replication',
    'pg locks',
  ),
  serviceLook('pgbouncer', ['pool'], 'Pools, clients and servers of PgBouncer', 'pgbouncer'),
  serviceLook('mysql', ['my', 'mariadb'], 'MySQL: activity, statements, locks, replication', 'my activity'),
  capacity,
  incidents,
  timeline,
  catchUp,
  ack,
  silence,
  fix,
  plan,
  approve,
  refuse,
  whyNot,
  handsOff,
  mark,
  whoami,
  help(() => COMMANDS),
];
