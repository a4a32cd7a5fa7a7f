import { ACTOR } from '../accounts.ts';
import { LIMITS } from '../limits.ts';
import { addressOf, HOSTS } from '../plan.ts';
import { answers } from '../run.ts';
import type { Service } from './service.ts';
import { SITE_ENV, writeSite } from './site.ts';

export const APP_PORT = 8000;
export const STATS = '127.0.0.1:9191';
export const FIFO = '/run/uwsgi.fifo';
export const INI_FILE = '/srv/shop.ini';

export const applications: readonly Service[] = HOSTS.filter((host) => host.role === 'uwsgi').map((host) => ({
  name: `uwsgi@${host.name}`,
  host: host.name,
  parts: ['web'],
  process: ['-x', 'uwsgi'],
  binds: [],
  prepare: (place) => writeSite(place, { 'shop.ini': INI }),
  start: startUwsgi,
  ready: ({ number }) => answers(`http://${addressOf(number, host.name)}:${APP_PORT}/health`),
}));

/** uWSGI makes its fifo and its log itself, so its user needs /run; nobody else may write there. */
export function startUwsgi(): string {
  return `
chgrp www-data /run && chmod 1775 /run
touch /var/log/uwsgi.log && chown www-data /var/log/uwsgi.log
${SITE_ENV}
setsid -f setpriv --reuid=www-data --regid=www-data --groups=www-data,${ACTOR} uwsgi --ini ${INI_FILE} </dev/null >>/var/log/uwsgi.log 2>&1`;
}

const INI = `[uwsgi]
plugins = python3
chdir = /srv
module = shop:application
master = true
processes = ${LIMITS.workers}
http-socket = :${APP_PORT}
listen = 64
stats = ${STATS}
master-fifo = ${FIFO}
# uWSGI makes its fifo for its own user alone; the acting account's group may write to it.
hook-master-start = exec:chgrp ${ACTOR} ${FIFO} && chmod 620 ${FIFO}
memory-report = true
die-on-term = true
harakiri = 20
disable-logging = true
env = SHOP_LEGACY_MS=${LIMITS.legacyMs}
env = SHOP_DYNAMIC_MS=${LIMITS.dynamicMs}
env = SHOP_PAGE_MS=${LIMITS.pageMs}
env = PYTHONDONTWRITEBYTECODE=1
`;
