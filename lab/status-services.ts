import { DATABASE } from './addresses.ts';
import type { Lab } from './lab.ts';
import { HOSTS, type Part } from './plan.ts';
import { hasRabbitmq } from './rabbitmq.ts';
import { CELERY_LOG, WORKER_SCRIPT } from './services/celery.ts';
import { ADMIN_SOCKET, BALANCER_PORT, HAPROXY_FILE, USER_SOCKET } from './services/haproxy.ts';
import { MARIADB_FILE, MARIADB_PORT, MARIADB_SLOW_LOG } from './services/mariadb.ts';
import { MEMCACHED_PORT } from './services/memcached.ts';
import { POOL_FILE, POOL_LOG, POOL_PORT } from './services/pgbouncer.ts';
import { POSTGRES_LOG, POSTGRES_PORT } from './services/postgres.ts';
import { AMQP_PORT } from './services/rabbitmq.ts';
import { REDIS_FILE, REDIS_PORT } from './services/redis.ts';
import { referenceFile } from './services/seed.ts';
import { APP_PORT, FIFO, INI_FILE, STATS } from './services/uwsgi.ts';
import { CLI, SECRET, VCL_FILE } from './services/varnish.ts';

export interface ServiceStatus {
  readonly kind: string;
  readonly host: string | readonly string[];
  /** Absolute paths inside the hosts. */
  readonly files?: Readonly<Record<string, string>>;
  readonly [more: string]: unknown;
}

/** The services of the parts that are up, by the names that warroom.yaml has for them. No passwords. */
export function serviceStatus(lab: Lab): Record<string, ServiceStatus> {
  const { parts } = lab.state;
  const all = allServices(lab);
  return Object.fromEntries(
    all.filter(([, of]) => of.some((part) => parts.includes(part))).map(([name, , status]) => [name, status]),
  );
}

function allServices(lab: Lab): [name: string, parts: Part[], status: ServiceStatus][] {
  const at = (host: string) => lab.address(host);
  const apps = HOSTS.filter((host) => host.role === 'uwsgi').map((host) => host.name);
  const replicas = lab.state.parts.includes('postgres') ? ['db2'] : [];
  const database = { data: '/var/lib/postgresql/main', log: POSTGRES_LOG };
  return [
    [
      'edge',
      ['web'],
      {
        kind: 'varnish',
        host: 'web1',
        urls: [`http://${at('web1')}`],
        cli: CLI,
        files: { vcl: VCL_FILE, secret: SECRET },
      },
    ],
    [
      'balancer',
      ['web'],
      {
        kind: 'haproxy',
        host: 'lb1',
        urls: [`http://${at('lb1')}:${BALANCER_PORT}`],
        files: { config: HAPROXY_FILE, socket: USER_SOCKET, adminSocket: ADMIN_SOCKET },
      },
    ],
    [
      'app',
      ['web'],
      {
        kind: 'uwsgi',
        host: apps,
        urls: apps.map((host) => `http://${at(host)}:${APP_PORT}`),
        stats: STATS,
        files: { ini: INI_FILE, fifo: FIFO, site: '/srv/shop.py', flags: '/srv/flags' },
      },
    ],
    [
      'pool',
      ['postgres'],
      {
        kind: 'pgbouncer',
        host: 'db1',
        addresses: [`${at('db1')}:${POOL_PORT}`],
        databases: ['shop', 'report'],
        files: { ini: POOL_FILE, log: POOL_LOG },
      },
    ],
    [
      'shopdb',
      ['web', 'postgres'],
      {
        kind: 'postgres',
        host: 'db1',
        replicas,
        addresses: ['db1', ...replicas].map((host) => `${at(host)}:${POSTGRES_PORT}`),
        database: DATABASE,
        reference: referenceFile(lab.root, 'shopdb'),
        files: database,
      },
    ],
    [
      'crmdb',
      ['mysql'],
      {
        kind: 'mysql',
        host: 'my1',
        replicas: ['my2'],
        addresses: ['my1', 'my2'].map((host) => `${at(host)}:${MARIADB_PORT}`),
        database: DATABASE,
        reference: referenceFile(lab.root, 'crmdb'),
        files: { config: MARIADB_FILE, data: '/var/lib/mysql/main', slowLog: MARIADB_SLOW_LOG },
      },
    ],
    [
      'cache',
      ['cache'],
      {
        kind: 'memcached',
        host: ['cache1', 'cache2'],
        addresses: ['cache1', 'cache2'].map((host) => `${at(host)}:${MEMCACHED_PORT}`),
      },
    ],
    [
      'tasks',
      ['tasks'],
      {
        kind: 'celery',
        host: ['worker1', 'worker2'],
        broker: { kind: 'redis', host: 'queue1', address: `${at('queue1')}:${REDIS_PORT}`, file: REDIS_FILE },
        rabbitmq: hasRabbitmq(lab) ? { host: 'queue1', address: `${at('queue1')}:${AMQP_PORT}` } : null,
        files: { tasks: '/srv/shoptasks.py', script: WORKER_SCRIPT, log: CELERY_LOG },
      },
    ],
  ];
}
