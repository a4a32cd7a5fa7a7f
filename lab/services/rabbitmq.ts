import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hostDir } from '../host.ts';
import { addressOf } from '../plan.ts';
import { answers } from '../run.ts';
import type { Service } from './service.ts';

export const AMQP_PORT = 5672;
export const MANAGEMENT_PORT = 15_672;
/** Below the host's own logs, which are there whether or not the package was when the host booted. */
const HOME = '/var/log/rabbitmq';

/** A second broker beside Redis, on demand. `shop` sends and works, `warroom` watches. */
export const rabbitmqBroker: Service = {
  name: 'rabbitmq@queue1',
  host: 'queue1',
  parts: ['tasks'],
  idle: true,
  binds: [],
  process: ['-x', 'beam.smp'],
  prepare: ({ root, passwords }) => {
    const dir = join(hostDir(root, 'queue1'), 'log', 'rabbitmq');
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, 'rabbitmq.conf'), SETTINGS);
    writeFileSync(join(dir, 'plugins'), '[rabbitmq_management].\n');
    writeFileSync(join(dir, 'definitions.json'), JSON.stringify(definitions(passwords.rabbitmq)), {
      mode: 0o600,
    });
  },
  start: () => {
    const env = {
      HOME,
      RABBITMQ_NODENAME: 'lab@localhost',
      RABBITMQ_MNESIA_BASE: `${HOME}/mnesia`,
      RABBITMQ_LOG_BASE: HOME,
      RABBITMQ_CONFIG_FILE: `${HOME}/rabbitmq.conf`,
      RABBITMQ_ENABLED_PLUGINS_FILE: `${HOME}/plugins`,
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+S 1 +sbwt none',
    };
    const words = Object.entries(env).map(([name, value]) => `${name}='${value}'`);
    const { user, group } = account();
    return `
chown -R ${user}:${group} ${HOME}
cd ${HOME}
setsid -f env ${words.join(' ')} setpriv --reuid=${user} --regid=${group} --clear-groups /usr/lib/rabbitmq/bin/rabbitmq-server </dev/null >>${HOME}/start.log 2>&1`;
  },
  ready: ({ number }) => answers(`http://${addressOf(number, 'queue1')}:${MANAGEMENT_PORT}/`),
};

/** By number: the host may have booted before the package brought the user. */
function account(): { user: string; group: string } {
  const [, user = '', group = ''] =
    /^rabbitmq:[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8')) ?? [];
  if (user === '') throw new Error('This machine has no user rabbitmq: its package is not installed.');
  return { user, group };
}

const SETTINGS = `listeners.tcp.default = ${AMQP_PORT}
management.tcp.port = ${MANAGEMENT_PORT}
load_definitions = ${HOME}/definitions.json
vm_memory_high_watermark.absolute = 256MiB
disk_free_limit.absolute = 50MB
collect_statistics_interval = 5000
`;

function definitions(passwords: Readonly<Record<'shop' | 'warroom', string>>) {
  const users = Object.entries(passwords).map(([name, password]) => ({
    name,
    password_hash: hashed(password),
    hashing_algorithm: 'rabbit_password_hashing_sha256',
    tags: name === 'warroom' ? ['monitoring'] : [],
  }));
  // Who asks workers how they are must be able to make the queue that they answer to.
  const permissions = users.map(({ name }) => ({
    user: name,
    vhost: '/',
    configure: '.*',
    write: '.*',
    read: '.*',
  }));
  return { vhosts: [{ name: '/' }], users, permissions };
}

/** Four bytes of salt, then the hash over them and the password. */
function hashed(password: string): string {
  const salt = randomBytes(4);
  const hash = createHash('sha256').update(salt).update(password).digest();
  return Buffer.concat([salt, hash]).toString('base64');
}
