import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hostDir } from '../host.ts';
import { addressOf } from '../plan.ts';
import { connects } from '../run.ts';
import { asUser, type Service } from './service.ts';

export const REDIS_PORT = 6379;
export const REDIS_FILE = '/etc/redis/redis.conf';

/** The broker of the tasks. It keeps nothing: a host that dies loses what was queued. */
export const redisBroker: Service = {
  name: 'redis@queue1',
  host: 'queue1',
  parts: ['tasks'],
  binds: [['redis', '/etc/redis']],
  process: ['-x', 'redis-server'],
  prepare: ({ root, passwords }) =>
    writeFileSync(join(hostDir(root, 'queue1'), 'redis', 'redis.conf'), settings(passwords.redis), {
      mode: 0o600,
    }),
  start: () => `
chown redis ${REDIS_FILE}
install -d -o redis -g redis /var/log/redis /run/redis
setsid -f ${asUser('redis')} redis-server ${REDIS_FILE} </dev/null >>/var/log/redis/redis.log 2>&1`,
  ready: ({ number }) => connects(addressOf(number, 'queue1'), REDIS_PORT),
};

function settings(password: string): string {
  return `bind 0.0.0.0
port ${REDIS_PORT}
requirepass ${password}
save ""
appendonly no
dir /run/redis
maxmemory 64mb
maxmemory-policy noeviction
slowlog-log-slower-than 10000
`;
}
