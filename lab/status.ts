import { join } from 'node:path';
import { FAULTS } from './faults/index.ts';
import { Lab } from './lab.ts';
import { addressOf, HOSTS } from './plan.ts';
import { ADMIN_SOCKET, HAPROXY_FILE, USER_SOCKET } from './services/haproxy.ts';
import { FIFO, STATS } from './services/uwsgi.ts';
import { CLI, SECRET, VCL_FILE } from './services/varnish.ts';

/** Enough for another program to read and break the stack by itself. */
export function labStatus(root: string) {
  const lab = new Lab(root);
  const { state } = lab;
  const at = (host: string) => addressOf(state.number, host);
  return {
    up: true,
    number: state.number,
    public: `http://${at('web1')}`,
    config: join(state.root, 'warroom.yaml'),
    hosts: Object.fromEntries(
      HOSTS.map((host) => [
        host.name,
        {
          address: at(host.name),
          ssh: { user: 'warroom', port: 22, key: join(state.root, 'keys', 'warroom') },
        },
      ]),
    ),
    services: {
      edge: {
        kind: 'varnish',
        host: 'web1',
        urls: [`http://${at('web1')}`],
        files: { vcl: VCL_FILE, secret: SECRET, cli: CLI },
      },
      balancer: {
        kind: 'haproxy',
        host: 'lb1',
        urls: [`http://${at('lb1')}:8080`],
        files: { config: HAPROXY_FILE, socket: USER_SOCKET, adminSocket: ADMIN_SOCKET },
      },
      app: {
        kind: 'uwsgi',
        host: HOSTS.filter((host) => host.role === 'uwsgi').map((host) => host.name),
        urls: HOSTS.filter((host) => host.role === 'uwsgi').map((host) => `http://${at(host.name)}:8000`),
        files: { stats: STATS, fifo: FIFO },
      },
      shopdb: { kind: 'postgres', host: 'db1', addresses: [`${at('db1')}:5432`], files: {} },
    },
    faults: Object.fromEntries(
      FAULTS.map((fault) => [fault.name, state.faults.includes(fault.name) ? 'on' : 'off']),
    ),
    traffic: { wanted: state.rate, ...(lab.report() ?? {}) },
  };
}
