import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { ACTOR, keyFile, knownHostsFile, READER } from './accounts.ts';
import { LIMITS } from './limits.ts';
import { addressOf, HOSTS, SITE } from './plan.ts';
import { ADMIN_SOCKET, HAPROXY_FILE, USER_SOCKET } from './services/haproxy.ts';
import { APP_PORT, FIFO, STATS } from './services/uwsgi.ts';
import { CLI, SECRET, VCL_FILE } from './services/varnish.ts';

const CONSOLE_PORT = 7080;
/** The host that carries what all of them share; application servers are what loads this machine. */
const KERNEL_HOST = 'app1';

/** People of the lab: two approvers, an operator, and a stranger who is nobody to the config. */
const PEOPLE = {
  ada: ['see', 'operate', 'approve'],
  ben: ['see', 'operate', 'approve'],
  otto: ['see', 'operate'],
} as const;
const STRANGER = 'eve';

/** `warroom.yaml`, which works as it stands, and the console tokens of its people in `tokens.json`. */
export function writeConfig(root: string, number: number): void {
  const secrets = join(root, 'secrets');
  mkdirSync(secrets, { recursive: true, mode: 0o700 });
  const names = [...Object.keys(PEOPLE), STRANGER];
  const tokens = Object.fromEntries(names.map((name) => [name, randomBytes(24).toString('base64url')]));
  for (const name of names) writeFileSync(join(secrets, name), `${tokens[name]}\n`, { mode: 0o600 });
  writeFileSync(join(root, 'tokens.json'), JSON.stringify(tokens, null, 2), { mode: 0o600 });
  const account = (user: string) => ({
    user,
    key: { file: keyFile(root, user) },
    knownHosts: knownHostsFile(root),
  });
  // client1 is where visitors come from; nobody watches it.
  const watched = HOSTS.filter((host) => host.role !== 'client');
  const apps = HOSTS.filter((host) => host.role === 'uwsgi');
  const listen = `127.0.0.1:${CONSOLE_PORT + number}`;
  const config = {
    launch: {
      name: 'Shop relaunch',
      timezone: 'Europe/Berlin',
      expect: { requests: `${LIMITS.rate}/s`, app: 3, hitRate: 0.85 },
    },
    ssh: account(READER),
    act: account(ACTOR),
    // All hosts share this machine's kernel: load average, memory and pressure are judged on one of them only.
    hosts: Object.fromEntries(
      watched.map((host) => [
        host.name,
        {
          address: addressOf(number, host.name),
          ...(host.name === KERNEL_HOST ? {} : { sharedKernel: true }),
        },
      ]),
    ),
    services: {
      edge: {
        kind: 'varnish',
        on: 'web1',
        url: `http://${SITE}`,
        address: `${addressOf(number, 'web1')}:80`,
        cached: ['/', '/product/*'],
        passed: ['/cart*', '/account*', '/order/*', '/buy/*'],
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
        uses: ['shopdb'],
      },
      shopdb: { kind: 'postgres', on: 'db1' },
    },
    sites: [SITE],
    console: {
      listen,
      publicUrl: `http://${listen}`,
      tokens: names.map((name) => ({
        name,
        secret: { file: join(secrets, name) },
        ...(name === STRANGER ? { may: [] } : { person: name, may: PEOPLE[name as keyof typeof PEOPLE] }),
      })),
    },
    people: Object.fromEntries(
      Object.entries(PEOPLE).map(([name, may]) => [name, { console: name, terminal: name, may: [...may] }]),
    ),
    store: `sqlite:${join(root, 'data', 'warroom.db')}`,
  };
  writeFileSync(join(root, 'warroom.yaml'), stringify(config, { lineWidth: 0 }));
}
