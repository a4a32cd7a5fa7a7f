import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ACTOR } from '../accounts.ts';
import { hostDir } from '../host.ts';
import { HOSTS } from '../plan.ts';
import type { Service } from './service.ts';
import { writeSite } from './site.ts';

export const CELERY_LOG = '/var/log/celery/worker.log';
export const WORKER_SCRIPT = '/srv/worker';

/** Who may act on a host may start and stop its worker, by the same script: `/srv/worker start`. */
export const workers: readonly Service[] = HOSTS.filter((host) => host.role === 'celery').map((host) => ({
  name: `celery@${host.name}`,
  host: host.name,
  parts: ['tasks'],
  ...(host.spare ? { idle: true } : {}),
  binds: [],
  process: ['-f', 'celery -A shoptasks worker'],
  // At once; asked nicely, it would first finish its tasks.
  stopSignal: 'QUIT',
  prepare: (place) => {
    writeSite(place);
    mkdirSync(logFolder(place.root, host.name), { recursive: true });
  },
  start: () => `
chgrp ${ACTOR} /var/log/celery && chmod 2775 /var/log/celery && chown www-data /var/log/celery
setpriv --reuid=www-data --regid=www-data --groups=www-data,${ACTOR} ${WORKER_SCRIPT} start`,
  ready: async ({ root }) => {
    const log = join(logFolder(root, host.name), 'worker.log');
    return existsSync(log) && readFileSync(log, 'utf8').includes(' ready.');
  },
}));

function logFolder(root: string, host: string): string {
  return join(hostDir(root, host), 'log', 'celery');
}
