import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ACTOR, READER } from '../accounts.ts';
import { hostDir } from '../host.ts';
import { LIMITS } from '../limits.ts';
import { addressOf, HOSTS } from '../plan.ts';
import { answers } from '../run.ts';
import type { Service } from './service.ts';
import { APP_PORT } from './uwsgi.ts';

export const USER_SOCKET = '/run/haproxy-user.sock';
export const ADMIN_SOCKET = '/run/haproxy.sock';
export const HAPROXY_FILE = '/etc/haproxy/haproxy.cfg';
export const BALANCER_PORT = 8080;

export const haproxy: Service = {
  name: 'haproxy@lb1',
  host: 'lb1',
  parts: ['web'],
  process: ['-x', 'haproxy'],
  binds: [['haproxy', '/etc/haproxy']],
  prepare: ({ root, number }) =>
    writeFileSync(join(hostDir(root, 'lb1'), 'haproxy', 'haproxy.cfg'), config(number)),
  start: () => `setsid -f haproxy -f ${HAPROXY_FILE} -db </dev/null >>/var/log/haproxy.log 2>&1`,
  ready: ({ number }) => answers(`http://${addressOf(number, 'lb1')}:${BALANCER_PORT}/health`),
};

function config(number: number): string {
  const servers = HOSTS.filter((host) => host.role === 'uwsgi' && !host.spare);
  return `global
  maxconn 4000
  user haproxy
  group haproxy
  stats socket ${USER_SOCKET} mode 660 group ${READER} level user
  stats socket ${ADMIN_SOCKET} mode 660 group ${ACTOR} level admin

defaults
  mode http
  timeout connect 2s
  timeout client 30s
  timeout server 10s
  timeout queue 3s
  timeout check 4s
  option redispatch
  retries 2

frontend www
  bind :${BALANCER_PORT}
  monitor-uri /lb-health
  default_backend shop

backend shop
  balance roundrobin
  option httpchk GET /health
  http-check expect status 200
  default-server inter 1s fall 3 rise 2 maxconn ${LIMITS.serverMaxconn}
${servers.map((host) => `  server ${host.name} ${addressOf(number, host.name)}:${APP_PORT} check`).join('\n')}
`;
}
