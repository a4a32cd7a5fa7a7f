import { workers } from './celery.ts';
import { haproxy } from './haproxy.ts';
import { mariadbPrimary, mariadbReplica } from './mariadb.ts';
import { caches } from './memcached.ts';
import { pgbouncer } from './pgbouncer.ts';
import { postgresPrimary, postgresReplica } from './postgres.ts';
import { rabbitmqBroker } from './rabbitmq.ts';
import { redisBroker } from './redis.ts';
import type { Service } from './service.ts';
import { applications } from './uwsgi.ts';
import { varnish } from './varnish.ts';

/** Every server of the lab, those first that others need. */
export const SERVICES: readonly Service[] = [
  postgresPrimary,
  postgresReplica,
  pgbouncer,
  mariadbPrimary,
  mariadbReplica,
  ...caches,
  redisBroker,
  rabbitmqBroker,
  ...workers,
  ...applications,
  haproxy,
  varnish,
];

export function findService(name: string): Service {
  const found = SERVICES.find((one) => one.name === name);
  if (!found)
    throw new RangeError(
      `The lab has no server ${name}; it has ${SERVICES.map((one) => one.name).join(', ')}.`,
    );
  return found;
}
