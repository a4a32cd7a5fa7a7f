import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { PARTS, type Part } from './plan.ts';

type Package = readonly [program: string, packages: string];

/** Program that proves a package, and the package: what every lab needs. */
const NEEDED: readonly Package[] = [
  ['/usr/sbin/sshd', 'openssh-server'],
  ['/usr/bin/ssh-keygen', 'openssh-client'],
  ['/bin/ip', 'iproute2'],
  ['/usr/bin/setpriv', 'util-linux'],
  ['/usr/bin/ps', 'procps'],
  ['/usr/bin/nsenter', 'util-linux'],
];

const POSTGRES: readonly Package[] = [['/usr/lib/postgresql', 'postgresql']];

/** What a part needs besides. */
const NEEDED_BY: Readonly<Record<Part, readonly Package[]>> = {
  web: [
    ['/usr/sbin/varnishd', 'varnish'],
    ['/usr/bin/gcc', 'gcc'],
    ['/usr/sbin/haproxy', 'haproxy'],
    ['/usr/bin/uwsgi', 'uwsgi-core'],
    ['/usr/lib/uwsgi/plugins/python3_plugin.so', 'uwsgi-plugin-python3'],
    ['/usr/lib/python3/dist-packages/django/__init__.py', 'python3-django'],
    ['/usr/lib/python3/dist-packages/psycopg2/__init__.py', 'python3-psycopg2'],
    ...POSTGRES,
  ],
  postgres: [...POSTGRES, ['/usr/sbin/pgbouncer', 'pgbouncer']],
  mysql: [
    ['/usr/sbin/mariadbd', 'mariadb-server'],
    ['/usr/bin/mariadb', 'mariadb-client'],
    ['/usr/lib/python3/dist-packages/MySQLdb/__init__.py', 'python3-mysqldb'],
  ],
  cache: [
    ['/usr/bin/memcached', 'memcached'],
    ['/usr/lib/python3/dist-packages/pymemcache/__init__.py', 'python3-pymemcache'],
  ],
  tasks: [
    ['/usr/bin/redis-server', 'redis-server'],
    ['/usr/bin/celery', 'celery'],
    ['/usr/lib/python3/dist-packages/redis/__init__.py', 'python3-redis'],
    ['/usr/lib/python3/dist-packages/psycopg2/__init__.py', 'python3-psycopg2'],
  ],
};

/** What `rabbitmq on` needs besides. */
export const RABBITMQ: readonly Package[] = [
  ['/usr/lib/rabbitmq/bin/rabbitmq-server', 'rabbitmq-server'],
  ['/usr/lib/python3/dist-packages/amqp/__init__.py', 'python3-amqp'],
];

/** What tests use besides. */
export const TESTED: readonly Package[] = [
  ...RABBITMQ,
  ['/usr/bin/strace', 'strace'],
  ['/usr/bin/openssl', 'openssl'],
  ['/usr/bin/cpan', 'perl'],
  ['/usr/share/doc/libsasl2-modules/copyright', 'libsasl2-modules'],
];

export type Possible = { readonly possible: true } | { readonly possible: false; readonly reason: string };

/** Whether this machine can run the lab: Debian or Ubuntu, root, and network namespaces. */
export function labPossible(): Possible {
  const no = (reason: string): Possible => ({ possible: false, reason });
  if (process.platform !== 'linux') return no('the lab needs Linux');
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  if (!/^ID(_LIKE)?=.*(debian|ubuntu)/m.test(release))
    return no('the lab takes its servers from Debian or Ubuntu packages');
  if (process.getuid?.() !== 0)
    return no('the lab makes network namespaces, so it needs root: sudo npm run lab -- up');
  if (missingPackages().length > 0 && !existsSync('/usr/bin/apt-get'))
    return no(`these packages are missing: ${missingPackages().join(', ')}`);
  const probe = spawnSync('unshare', ['-n', '-m', '-p', '-f', 'true'], { timeout: 10_000 });
  if (probe.status !== 0) return no('this machine allows no namespaces (a container without the right?)');
  return { possible: true };
}

/** Whether the caller may become root without being asked. */
export function canSudo(): boolean {
  return spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore', timeout: 10_000 }).status === 0;
}

/** Packages that are not here, each once. */
export function missingPackages(parts: readonly Part[] = PARTS): string[] {
  return missingOf(neededBy(parts));
}

function neededBy(parts: readonly Part[]): Package[] {
  return [...NEEDED, ...parts.flatMap((part) => NEEDED_BY[part])];
}

function missingOf(needed: readonly Package[]): string[] {
  const missing = needed.filter(([program]) => !existsSync(program)).map(([, name]) => name);
  return [...new Set(missing)];
}

/** Installs what is missing, after saying what. Servers that packages would start are kept from starting. */
export function ensurePackages(say: (line: string) => void, parts: readonly Part[] = PARTS): void {
  ensure(neededBy(parts), say);
}

export function ensure(needed: readonly Package[], say: (line: string) => void): void {
  const missing = missingOf(needed);
  if (missing.length === 0) return;
  installPackages(missing, say);
  const still = missingOf(needed);
  if (still.length > 0)
    throw new Error(`After the installation these are still missing: ${still.join(', ')}.`);
}

/** Installs packages by name; servers that they would start are kept from starting. */
export function installPackages(packages: readonly string[], say: (line: string) => void): void {
  say(`Installing from this machine's package sources: ${packages.join(' ')}`);
  const policy = '/usr/sbin/policy-rc.d';
  const ours = !existsSync(policy);
  if (ours) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    apt(['update', '-qq']);
    apt(['install', '-y', '-qq', '--no-install-recommends', ...packages]);
  } finally {
    if (ours) rmSync(policy, { force: true });
  }
}

function apt(argv: readonly string[]): void {
  const done = spawnSync('apt-get', argv, {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: 600_000,
  });
  if (done.status !== 0)
    throw new Error(
      `apt-get ${argv.join(' ')} ended with ${done.status}: ${String(done.stderr).trim().split('\n').at(-1)}`,
    );
}
