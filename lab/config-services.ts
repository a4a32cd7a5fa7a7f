import { brokerUrl, mariadbUrl, poolUrl, postgresUrl } from './addresses.ts';
import { addressOf, HOSTS, type Part, SITE } from './plan.ts';
import { secretFile } from './secrets.ts';
import { ADMIN_SOCKET, HAPROXY_FILE, USER_SOCKET } from './services/haproxy.ts';
import { MARIADB_SLOW_LOG } from './services/mariadb.ts';
import { MEMCACHED_PORT } from './services/memcached.ts';
import { POOL_FILE } from './services/pgbouncer.ts';
import { POSTGRES_LOG } from './services/postgres.ts';
import { referenceFile } from './services/seed.ts';
import type { Place } from './services/service.ts';
import { APP_PORT, FIFO, STATS } from './services/uwsgi.ts';
import { CLI, SECRET, VCL_FILE } from './services/varnish.ts';

/** Of a server on the host that asks: its URLs are opened from there. */
const HERE = '127.0.0.1';

/** The services of warroom.yaml for the parts that are up; URLs with passwords go to files of their own. */
export function configServices(place: Place): Record<string, object> {
  const { parts } = place;
  return {
    ...(parts.includes('web') ? web(place) : {}),
    ...(parts.includes('postgres') ? pool(place) : {}),
    ...(parts.includes('web') || parts.includes('postgres') ? shopdb(place) : {}),
    ...(parts.includes('mysql') ? crmdb(place) : {}),
    ...(parts.includes('cache') ? cache() : {}),
    ...(parts.includes('tasks') ? tasks(place) : {}),
  };
}

/** What the application asks: the nearest of each. */
function uses(parts: readonly Part[]): string[] {
  const of = { mysql: 'crmdb', cache: 'cache', tasks: 'tasks' } as const;
  return [
    ...databases(parts),
    ...(['mysql', 'cache', 'tasks'] as const).filter((part) => parts.includes(part)).map((part) => of[part]),
  ];
}

/** PostgreSQL, through its pooler where there is one. */
function databases(parts: readonly Part[]): string[] {
  if (parts.includes('postgres')) return ['pool'];
  return parts.includes('web') ? ['shopdb'] : [];
}

/** Pages that come with other parts. */
function passedOf(parts: readonly Part[]): string[] {
  return [
    ...(parts.includes('mysql') ? ['/myorder/*'] : []),
    ...(parts.includes('cache') ? ['/frag/*'] : []),
    ...(parts.includes('tasks') ? ['/enqueue*'] : []),
  ];
}

function web({ number, parts }: Place) {
  const apps = HOSTS.filter((host) => host.role === 'uwsgi');
  return {
    edge: {
      kind: 'varnish',
      on: 'web1',
      url: `http://${SITE}`,
      address: `${addressOf(number, 'web1')}:80`,
      cached: ['/', '/product/*'],
      passed: ['/cart*', '/account*', '/order/*', '/buy/*', ...passedOf(parts)],
      cli: CLI,
      secret: SECRET,
      file: VCL_FILE,
      before: 'balancer',
    },
    balancer: {
      kind: 'haproxy',
      on: 'lb1',
      socket: USER_SOCKET,
      adminSocket: ADMIN_SOCKET,
      backend: 'shop',
      file: HAPROXY_FILE,
      before: 'app',
    },
    app: {
      kind: 'uwsgi',
      on: apps.filter((host) => !host.spare).map((host) => host.name),
      spares: apps.filter((host) => host.spare).map((host) => host.name),
      port: APP_PORT,
      stats: STATS,
      fifo: FIFO,
      uses: uses(parts),
    },
  };
}

function pool(place: Place) {
  const admin = secretFile(place.root, 'pool', poolUrl(place, 'warroom', HERE, 'pgbouncer'));
  const act = secretFile(place.root, 'pool-act', poolUrl(place, 'warroom_act', HERE, 'pgbouncer'));
  return { pool: { kind: 'pgbouncer', on: 'db1', admin, act, file: POOL_FILE, before: 'shopdb' } };
}

function shopdb(place: Place) {
  const { root, parts } = place;
  const primary = secretFile(root, 'shopdb', postgresUrl(place, 'warroom', HERE));
  const base = { kind: 'postgres', on: 'db1', primary, application: ['shop'] };
  if (!parts.includes('postgres')) return { shopdb: base };
  return {
    shopdb: {
      ...base,
      act: secretFile(root, 'shopdb-act', postgresUrl(place, 'warroom_act', HERE)),
      replicas: { db2: secretFile(root, 'shopdb-db2', postgresUrl(place, 'warroom', HERE)) },
      logs: POSTGRES_LOG,
      reference: referenceFile(root, 'shopdb'),
    },
  };
}

function crmdb(place: Place) {
  const { root } = place;
  return {
    crmdb: {
      kind: 'mysql',
      on: 'my1',
      primary: secretFile(root, 'crmdb', mariadbUrl(place, 'warroom', HERE)),
      act: secretFile(root, 'crmdb-act', mariadbUrl(place, 'warroom_act', HERE)),
      replicas: { my2: secretFile(root, 'crmdb-my2', mariadbUrl(place, 'warroom', HERE)) },
      logs: MARIADB_SLOW_LOG,
      application: ['shop'],
      reference: referenceFile(root, 'crmdb'),
    },
  };
}

function cache() {
  const servers = HOSTS.filter((host) => host.role === 'memcached').map(
    (host) => `${host.name}:${MEMCACHED_PORT}`,
  );
  return { cache: { kind: 'memcached', servers } };
}

function tasks(place: Place) {
  const hosts = HOSTS.filter((host) => host.role === 'celery');
  return {
    tasks: {
      kind: 'celery',
      on: hosts.filter((host) => !host.spare).map((host) => host.name),
      spares: hosts.filter((host) => host.spare).map((host) => host.name),
      broker: secretFile(place.root, 'broker', brokerUrl(place)),
      queues: ['celery'],
      uses: databases(place.parts),
    },
  };
}
