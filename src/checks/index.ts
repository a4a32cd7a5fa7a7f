import type { System } from './contract.ts';
import { uwsgi } from './uwsgi/index.ts';
import { varnish } from './varnish/index.ts';

/** Every watched system; a new one is a folder and a line here. */
export const SYSTEMS: readonly System[] = [varnish, uwsgi];
