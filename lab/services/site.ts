import { chownSync, copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Place } from './service.ts';

const SITE = join(import.meta.dirname, '..', 'site');

/** Shell line that gives the application its addresses. */
export const SITE_ENV = 'set -a; . /srv/shop.env; set +a';

/** The application's folder, /srv on every host: its code, and where it finds what is up. */
export function writeSite(place: Place, files: Readonly<Record<string, string>>): void {
  const folder = join(place.root, 'site');
  for (const file of readdirSync(SITE)) copyFileSync(join(SITE, file), join(folder, file));
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  const lines = Object.entries(siteEnv(place)).map(([name, value]) => `${name}=${value}\n`);
  const env = join(folder, 'shop.env');
  writeFileSync(env, lines.join(''), { mode: 0o640 });
  // There are passwords in it: the application's user reads it, and no login does.
  chownSync(env, 0, groupId('www-data'));
}

/** Only what is up has an address. */
function siteEnv({ parts, passwords }: Place): Record<string, string> {
  const shop = `postgres://shop:${passwords.postgres.shop}`;
  return {
    ...(parts.includes('postgres')
      ? { SHOP_DATABASE: `${shop}@db1:6432/shop`, SHOP_POOLED: '1' }
      : { SHOP_DATABASE: `${shop}@db1:5432/shop` }),
    ...(parts.includes('mysql') ? { SHOP_CRM: `mysql://shop:${passwords.mysql.shop}@my1:3306/shop` } : {}),
    ...(parts.includes('cache') ? { SHOP_CACHE: 'cache1:11211,cache2:11211' } : {}),
    ...(parts.includes('tasks') ? { SHOP_BROKER: `redis://:${passwords.redis}@queue1:6379/0` } : {}),
  };
}

function groupId(name: string): number {
  return Number(
    readFileSync('/etc/group', 'utf8').match(new RegExp(`^${name}:[^:]*:(\\d+):`, 'm'))?.[1] ?? 0,
  );
}
