import { chownSync, copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ACTOR } from '../accounts.ts';
import { hostDir } from '../host.ts';
import { HOSTS, inParts } from '../plan.ts';
import type { Place } from './service.ts';

const SITE = join(import.meta.dirname, '..', 'site');

/** Shell line that gives the application its addresses. */
export const SITE_ENV = 'set -a; . /srv/shop.env; set +a';

/** The application's folder, /srv on every host: its code, and where it finds what is up. */
export function writeSite(place: Place, files: Readonly<Record<string, string>> = {}): void {
  const folder = join(place.root, 'site');
  for (const file of readdirSync(SITE)) copyFileSync(join(SITE, file), join(folder, file));
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  const lines = Object.entries(siteEnv(place)).map(([name, value]) => `${name}=${value}\n`);
  const env = join(folder, 'shop.env');
  writeFileSync(env, lines.join(''), { mode: 0o640 });
  // There are passwords in it. Who may start the application may read them, and the reading account may not.
  chownSync(env, 0, actorsGroup(place));
}

/** Only what is up has an address. */
function siteEnv({ parts, passwords }: Place): Record<string, string> {
  const shop = `postgres://shop:${passwords.postgres.shop}`;
  return {
    ...(parts.includes('web') ? { SHOP_DATABASE: `${shop}@db1:5432/shop` } : {}),
    ...(parts.includes('postgres') ? { SHOP_DATABASE: `${shop}@db1:6432/shop`, SHOP_POOLED: '1' } : {}),
    ...(parts.includes('mysql') ? { SHOP_CRM: `mysql://shop:${passwords.mysql.shop}@my1:3306/shop` } : {}),
    ...(parts.includes('cache') ? { SHOP_CACHE: 'cache1:11211,cache2:11211' } : {}),
    ...(parts.includes('tasks') ? { SHOP_BROKER: `redis://:${passwords.redis}@queue1:6379/0` } : {}),
  };
}

/** The acting account's group has the same id on every host. */
function actorsGroup({ root, parts }: Place): number {
  const [host] = inParts(HOSTS, parts);
  const groups = readFileSync(join(hostDir(root, host?.name ?? ''), 'etc', 'group'), 'utf8');
  return Number(groups.match(new RegExp(`^${ACTOR}:[^:]*:(\\d+):`, 'm'))?.[1] ?? 0);
}
