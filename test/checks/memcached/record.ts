/**
 * Records the fixtures of memcached from a daemon that it starts:
 *   npx tsx test/checks/memcached/record.ts
 * Expected results are written by golden.test.ts with UPDATE_FIXTURES=1; look at the difference.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Daemons, Shop } from './daemon.ts';
import { FIXTURES } from './fixtures.ts';

const GROUPS = ['', 'items', 'slabs'] as const;

async function look(shop: Shop, nth: number): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const group of GROUPS)
    files[`${group || 'stats'}-${nth}.txt`] = await shop.say(`stats ${group}`.trim());
  return files;
}

async function record(
  name: string,
  about: string,
  before: (shop: Shop) => Promise<void>,
  visits: (shop: Shop) => Promise<void>,
): Promise<void> {
  const daemons = new Daemons();
  const { port } = await daemons.start(['-m', '64']);
  const shop = new Shop(port);
  const version = (await shop.say('version')).replace('VERSION ', '').trim();
  await before(shop);
  const first = await look(shop, 1);
  const watch = connect(port, '127.0.0.1');
  const lines: Buffer[] = [];
  watch.on('data', (data: Buffer) => lines.push(data));
  const began = new Promise((resolve) => watch.once('data', resolve));
  watch.write('watch fetchers mutations evictions\r\n');
  await began;
  await visits(shop);
  const second = await look(shop, 2);
  // Its lines come a moment after what they tell.
  await new Promise((resolve) => setTimeout(resolve, 500));
  const folder = join(FIXTURES, version.split('.').slice(0, 2).join('.'), name);
  mkdirSync(folder, { recursive: true });
  const files = { ...first, ...second, 'watch.txt': Buffer.concat(lines).toString('latin1') };
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  writeFileSync(
    join(folder, 'source.md'),
    `Recorded ${new Date().toISOString().slice(0, 10)} from memcached ${version} of Debian 12, started by test/checks/memcached/record.ts with -m 64.\n\n${about}\n\nCommands: \`stats\`, \`stats items\`, \`stats slabs\` before and after; \`watch fetchers mutations evictions\` between. Nothing redacted: the keys are the recorder's own.\n`,
  );
  watch.destroy();
  shop.end();
  await daemons.stop();
}

async function cached(shop: Shop, key: string, bytes: number): Promise<void> {
  if (!(await shop.get(key))) await shop.set(key, bytes);
}

await record(
  'healthy',
  '20 products that stay, read 200 times; one in twenty reads is of a cart that nobody stores.',
  async (shop) => {
    for (let i = 0; i < 20; i++) await shop.set(`product:${i}`, 500);
  },
  async (shop) => {
    for (let i = 0; i < 200; i++) await shop.get(i % 20 === 0 ? `cart:${i}` : `product:${i % 20}`);
  },
);
await record(
  'evicting',
  '200 pictures of 90 kB in 8 MB (cache_memlimit 8), read in turn 400 times and stored where they are missing.',
  async (shop) => {
    await shop.say('cache_memlimit 8');
    for (let i = 0; i < 200; i++) await cached(shop, `picture:${i}`, 90_000);
  },
  async (shop) => {
    for (let i = 0; i < 400; i++) await cached(shop, `picture:${i % 200}`, 90_000);
  },
);
