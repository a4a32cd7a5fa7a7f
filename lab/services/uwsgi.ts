import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hostDir } from '../host.ts';
import { LIMITS } from '../limits.ts';
import { addressOf, HOSTS } from '../plan.ts';
import type { Service } from './service.ts';

export const STATS = '127.0.0.1:9191';
export const FIFO = '/run/uwsgi/master.fifo';

export const applications: readonly Service[] = HOSTS.filter((host) => host.role === 'uwsgi').map((host) => ({
  host: host.name,
  prepare: (root) => writeFileSync(join(hostDir(root, host.name), 'data', 'shop.ini'), ini()),
  start: () => [startUwsgi()],
  ready: (number) => `http://${addressOf(number, host.name)}:8000/health`,
}));

export function startUwsgi(): readonly string[] {
  return [
    'sh',
    '-c',
    'install -d -o www-data -g www-data /run/uwsgi && exec setpriv --reuid=www-data --regid=www-data --clear-groups uwsgi --ini /mnt/shop.ini',
  ];
}

function ini(): string {
  return `[uwsgi]
plugins = python3
chdir = /srv
module = shop
master = true
processes = ${LIMITS.workers}
http-socket = :8000
listen = 64
stats = ${STATS}
master-fifo = ${FIFO}
memory-report = true
need-app = true
die-on-term = true
harakiri = 20
disable-logging = true
env = SHOP_LEGACY_MS=${LIMITS.legacyMs}
env = SHOP_DYNAMIC_MS=${LIMITS.dynamicMs}
env = PYTHONDONTWRITEBYTECODE=1
`;
}
