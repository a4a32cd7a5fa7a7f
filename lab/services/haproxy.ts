import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hostDir } from '../host.ts';
import { LIMITS } from '../limits.ts';
import { addressOf, HOSTS } from '../plan.ts';
import type { Service } from './service.ts';

export const USER_SOCKET = '/run/haproxy-user.sock';
export const ADMIN_SOCKET = '/run/haproxy.sock';
export const HAPROXY_FILE = '/mnt/haproxy.cfg';

export const haproxy: Service = {
  host: 'lb1',
  prepare: (root, number) => writeFileSync(join(hostDir(root, 'lb1'), 'data', 'haproxy.cfg'), config(number)),
  start: () => [['haproxy', '-f', HAPROXY_FILE, '-db']],
  ready: (number) => `http://${addressOf(number, 'lb1')}:8080/lb-health`,
};

function config(number: number): string {
  const servers = HOSTS.filter((host) => host.role === 'uwsgi' && !host.spare);
  return `global
  maxconn 2000
  stats socket ${USER_SOCKET} mode 660 group warroom level user
  stats socket ${ADMIN_SOCKET} mode 660 group warroom-act level admin

defaults
  mode http
  timeout connect 2s
  timeout client 30s
  timeout server 12s
  timeout queue 6s
  timeout check 3s
  option redispatch
  retries 2

frontend www
  bind :8080
  monitor-uri /lb-health
  default_backend shop

backend shop
  balance roundrobin
  option httpchk GET /health
  http-check expect status 200
  default-server inter 1s fall 4 rise 2 maxconn ${LIMITS.serverMaxconn}
${servers.map((host) => `  server ${host.name} ${addressOf(number, host.name)}:8000 check`).join('\n')}
`;
}
