import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { addressOf, type PlannedHost } from './plan.ts';
import { run } from './run.ts';

export const READER = 'warroom';
export const ACTOR = 'warroom-act';

/**
 * Accounts that exist inside the hosts only. `varnish` is the group that may read Varnish's shared memory; whoever
 * may act may also read. `root` is for programs that break the stack on purpose.
 */
const USERS = [
  { name: READER, groups: ['varnish'] },
  { name: ACTOR, groups: ['varnish', READER] },
] as const;
const LOGINS = [...USERS.map((user) => user.name), 'root'];
const FIRST_ID = 61_101;

export function keyFile(root: string, user: string): string {
  return join(root, 'keys', user);
}

export function knownHostsFile(root: string): string {
  return join(root, 'keys', 'known_hosts');
}

/** Keys of the accounts and of the hosts, and the known_hosts that names them. */
export function makeKeys(root: string, number: number, hosts: readonly PlannedHost[]): void {
  const dir = join(root, 'keys');
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true, mode: 0o755 });
  for (const user of LOGINS) makeKey(keyFile(root, user), user);
  const lines = hosts.map((host) => {
    const file = hostKeyFile(root, host.name);
    mkdirSync(join(file, '..'), { recursive: true });
    rmSync(file, { force: true });
    makeKey(file, host.name);
    const [type, key] = readFileSync(`${file}.pub`, 'utf8').split(' ');
    return `${addressOf(number, host.name)} ${type} ${key}`;
  });
  writeFileSync(knownHostsFile(root), `${lines.join('\n')}\n`);
}

/** What a host's /etc says of its accounts: the machine's own, and the lab's. */
export function writeAccounts(etc: string): void {
  const passwd = readFileSync('/etc/passwd', 'utf8');
  const group = readFileSync('/etc/group', 'utf8');
  const taken = new Set(
    [...passwd.matchAll(/:(\d+):/g), ...group.matchAll(/:(\d+):/g)].map(([, id]) => Number(id)),
  );
  const ids = new Map<string, number>();
  for (let id = FIRST_ID; ids.size < USERS.length; id++) {
    const next = USERS[ids.size];
    if (next && !taken.has(id)) ids.set(next.name, id);
  }
  const lines = (line: (user: (typeof USERS)[number], id: number) => string) =>
    USERS.map((user) => `${line(user, ids.get(user.name) ?? 0)}\n`).join('');
  const write = (file: string, text: string, mode = 0o644) => writeFileSync(join(etc, file), text, { mode });
  write('passwd', passwd + lines((user, id) => `${user.name}:x:${id}:${id}::/home/${user.name}:/bin/sh`));
  // "*" and not "!": a locked account may not even use a key where UsePAM is off. The same for root.
  const shadow = readFileSync('/etc/shadow', 'utf8').replace(/^root:[^:]*:/m, 'root:*:');
  write('shadow', shadow + lines((user) => `${user.name}:*:19000:0:99999:7:::`), 0o640);
  write(
    'group',
    withMembers(group) + lines((user, id) => `${user.name}:x:${id}:${membersOf(user.name).join(',')}`),
  );
}

/** What a host's /etc/ssh holds besides its key: each login's public key, and sshd's settings. */
export function writeSshd(root: string, host: string): void {
  const dir = join(hostKeyFile(root, host), '..');
  for (const user of LOGINS)
    writeFileSync(join(dir, `authorized_keys.${user}`), readFileSync(`${keyFile(root, user)}.pub`), {
      mode: 0o644,
    });
  const settings = {
    Port: '22',
    HostKey: '/etc/ssh/ssh_host_ed25519_key',
    AuthorizedKeysFile: '/etc/ssh/authorized_keys.%u',
    AllowUsers: LOGINS.join(' '),
    PermitRootLogin: 'prohibit-password',
    PasswordAuthentication: 'no',
    StrictModes: 'no',
    UsePAM: 'no',
    PidFile: 'none',
    MaxStartups: '50',
    MaxSessions: '50',
  };
  const text = Object.entries(settings).map(([key, value]) => `${key} ${value}\n`);
  writeFileSync(join(dir, 'sshd_config'), text.join(''));
}

function hostKeyFile(root: string, host: string): string {
  return join(root, 'hosts', host, 'ssh', 'ssh_host_ed25519_key');
}

function makeKey(file: string, comment: string): void {
  run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', file]);
}

function withMembers(group: string): string {
  return group
    .split('\n')
    .map((line) => {
      const members = membersOf(line.split(':')[0] ?? '');
      return members.length === 0 ? line : `${line}${line.endsWith(':') ? '' : ','}${members.join(',')}`;
    })
    .join('\n');
}

function membersOf(group: string): string[] {
  return USERS.filter((user) => (user.groups as readonly string[]).includes(group)).map((user) => user.name);
}
