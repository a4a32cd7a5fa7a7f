import { join } from 'node:path';
import { ACTOR, keyFile, knownHostsFile, READER } from './accounts.ts';
import { FAULTS } from './faults/index.ts';
import { Lab } from './lab.ts';
import { isAlive } from './network.ts';
import { addressOf, HOSTS, SITE } from './plan.ts';
import { ADMIN_SOCKET, BALANCER_PORT, HAPROXY_FILE, USER_SOCKET } from './services/haproxy.ts';
import { APP_PORT, FIFO, INI_FILE, STATS } from './services/uwsgi.ts';
import { CLI, SECRET, VCL_FILE } from './services/varnish.ts';
import { runningGenerator } from './traffic/control.ts';

export type LabStatus = ReturnType<typeof labStatus>;

/** Enough for another program to read and break the stack by itself: its logins are root's. */
export function labStatus(root: string) {
  const lab = new Lab(root);
  const { state } = lab;
  const { number } = state;
  const at = (host: string) => addressOf(number, host);
  const login = (user: string) => ({ user, port: 22, key: keyFile(state.root, user) });
  const apps = HOSTS.filter((host) => host.role === 'uwsgi').map((host) => host.name);
  return {
    up: state.complete && isAlive(state.number, state.hosts),
    number,
    root: state.root,
    public: `http://${at('web1')}`,
    site: SITE,
    config: join(state.root, 'warroom.yaml'),
    tokens: join(state.root, 'tokens.json'),
    capped: state.capped,
    knownHosts: knownHostsFile(state.root),
    accounts: { read: login(READER), act: login(ACTOR) },
    hosts: Object.fromEntries(
      HOSTS.map((host) => [host.name, { address: at(host.name), ssh: login('root'), cores: host.cores }]),
    ),
    services: {
      edge: {
        kind: 'varnish',
        host: 'web1',
        urls: [`http://${at('web1')}`],
        cli: CLI,
        files: { vcl: VCL_FILE, secret: SECRET },
      },
      balancer: {
        kind: 'haproxy',
        host: 'lb1',
        urls: [`http://${at('lb1')}:${BALANCER_PORT}`],
        files: { config: HAPROXY_FILE, socket: USER_SOCKET, adminSocket: ADMIN_SOCKET },
      },
      app: {
        kind: 'uwsgi',
        host: apps,
        urls: apps.map((host) => `http://${at(host)}:${APP_PORT}`),
        stats: STATS,
        files: { ini: INI_FILE, fifo: FIFO, site: '/srv/shop.py', flags: '/srv/flags' },
      },
      shopdb: {
        kind: 'postgres',
        host: 'db1',
        addresses: [`${at('db1')}:5432`],
        url: `postgres://${READER}@${at('db1')}:5432/shop`,
        files: { data: '/var/lib/postgresql/main', log: '/var/log/postgresql/postgresql.log' },
      },
    },
    faults: Object.fromEntries(
      FAULTS.map((fault) => [fault.name, state.faults[fault.name] ? ('on' as const) : ('off' as const)]),
    ),
    traffic: {
      running: runningGenerator(state) !== undefined,
      wanted: state.rate,
      report: lab.report() ?? null,
    },
  };
}
