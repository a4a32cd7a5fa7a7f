import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { runAsync } from '../run.ts';

const CACHE = join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'warroom-lab');
const MAKE_MS = 240_000;

/** A database that was filled once. */
export interface Seed {
  readonly name: string;
  /** Its files' owner: his id is part of what is in the tar. */
  readonly user: string;
  /** A shell script that makes folder `main` and file `reference.sql` in its working directory, and ends. */
  readonly make: string;
  /** Files that the script finds there. */
  readonly files: Readonly<Record<string, string>>;
}

const making = new Map<string, Promise<string>>();

/**
 * The filled database as a tar with `main` and `reference.sql`, made once for its content and kept beside the other
 * caches of this checkout. Two servers that ask at once get one.
 */
export function seedTar(root: string, seed: Seed): Promise<string> {
  const id = `${root}\n${seed.name}`;
  const under = making.get(id) ?? tarOf(root, seed).finally(() => making.delete(id));
  making.set(id, under);
  return under;
}

async function tarOf(root: string, { name, user, make, files }: Seed): Promise<string> {
  const account = readFileSync('/etc/passwd', 'utf8').match(new RegExp(`^${user}:.*$`, 'm'))?.[0] ?? '';
  const content = [make, account, ...Object.entries(files).flat()].join('\n');
  const key = createHash('sha256').update(content).digest('hex').slice(0, 16);
  const tar = join(CACHE, `${name}-${key}.tar`);
  if (existsSync(tar)) return tar;
  const scratch = join(root, `seed-${name}`);
  mkdirSync(scratch, { recursive: true });
  mkdirSync(CACHE, { recursive: true });
  for (const [file, text] of Object.entries({ ...files, 'make.sh': make }))
    writeFileSync(join(scratch, file), text);
  // In namespaces of its own: the server's user must reach the folder wherever the lab's root is, nobody else must
  // reach the server, and when the script ends, whatever it started does.
  const alone = ['unshare', '-m', '-i', '-n', '-p', '-f', '--mount-proc', '--kill-child'];
  const enter = `mount --bind '${scratch}' /media && mount -t tmpfs -o mode=1777 none /dev/shm && cd /media && sh make.sh`;
  await runAsync([...alone, 'sh', '-c', enter], '', MAKE_MS);
  const half = `${tar}.${process.pid}`;
  const pack = [
    'tar',
    '-c',
    '--sparse',
    '--numeric-owner',
    '-f',
    half,
    '-C',
    scratch,
    'main',
    'reference.sql',
  ];
  await runAsync(pack);
  for (const old of readdirSync(CACHE))
    if (old.startsWith(`${name}-`) && old.endsWith('.tar') && old !== basename(tar))
      rmSync(join(CACHE, old), { force: true });
  renameSync(half, tar);
  rmSync(scratch, { recursive: true, force: true });
  return tar;
}

/** Unpacks the database to `dir`/main; with `reference`, its schema as it should be to that file. */
export async function unpackSeed(tar: string, dir: string, reference?: string): Promise<void> {
  mkdirSync(dir, { recursive: true });
  await runAsync(['tar', '-x', '--numeric-owner', '-f', tar, '-C', dir, 'main']);
  if (reference === undefined) return;
  mkdirSync(join(reference, '..'), { recursive: true });
  writeFileSync(reference, await runAsync(['tar', '-x', '-O', '-f', tar, 'reference.sql']));
}

/** Where the schema stands as it was tested. */
export function referenceFile(root: string, service: string): string {
  return join(root, 'reference', `${service}.sql`);
}
