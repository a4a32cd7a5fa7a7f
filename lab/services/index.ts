import { haproxy } from './haproxy.ts';
import { postgres } from './postgres.ts';
import type { Service } from './service.ts';
import { applications } from './uwsgi.ts';
import { varnish } from './varnish.ts';

/** Every server of the lab, those first that others need. */
export const SERVICES: readonly Service[] = [postgres, ...applications, haproxy, varnish];
