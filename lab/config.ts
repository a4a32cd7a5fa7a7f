import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { LIMITS } from './limits.ts';
import { addressOf, HOSTS, SITE } from './plan.ts';
import { ADMIN_SOCKET, USER_SOCKET } from './services/haproxy.ts';
import { FIFO, STATS } from './services/uwsgi.ts';
import { CLI, SECRET, VCL_FILE } from './services/varnish.ts';

export const CONSOLE_PORT = 7080;

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
  const key = (user: string) => ({ user, key: { file: join(root, 'keys', user) } });
  const apps = HOSTS.filter((host) => host.role === 'uwsgi');
  const listen = `127.0.0.1:${CONSOLE_PORT + number}`;
  const config = {
    launch: {
      name: 'Shop relaunch',
      timezone: 'Europe/Berlin',
      expect: { requests: `${LIMITS.rate}/s`, app: 3, hitRate: 0.9 },
    },
    ssh: { ...key('warroom'), knownHosts: join(root, 'keys', 'known_hosts') },
    act: { ...key('warroom-act'), knownHosts: join(root, 'keys', 'known_hosts') },
    // All hosts share this machine's kernel: load average, memory and pressure are judged on one of them only.
    hosts: Object.fromEntries(
      HOSTS.map((host) => [
        host.name,
        { address: addressOf(number, host.name), ...(host.name === 'web1' ? {} : { sharedKernel: true }) },
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
        before: 'app',
      },
      app: {
        kind: 'uwsgi',
        on: apps.filter((host) => !host.spare).map((host) => host.name),
        spares: apps.filter((host) => host.spare).map((host) => host.name),
        port: 8000,
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
    // The lab's traffic is small: what is thin for a launch is all that there is here.
    store: `sqlite:${join(root, 'data', 'warroom.db')}`,
  };
  writeFileSync(join(root, 'warroom.yaml'), stringify(config, { lineWidth: 0 }));
}
