import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Config, SecretSource } from '../config/schema.ts';
import { Secret } from '../config/secret.ts';
import type { Host, Stack } from '../config/stack.ts';
import { WarroomError } from '../errors/catalogue.ts';
import type { Target, TargetHealth, Targets } from './contract.ts';
import { DirectTarget } from './direct.ts';
import { Links } from './links.ts';
import { LocalTarget } from './local.ts';
import { SshTarget } from './ssh.ts';
import { SshConnection } from './ssh-connection.ts';
import type { SshAccount } from './ssh-handshake.ts';

type Closing = Target & { close(): void | Promise<void> };

/** All hosts of a stack, reached on first use. `secretOf` gives a secret of the config, read once. */
export function openTargets(
  stack: Stack,
  secretOf: (source: SecretSource) => Secret,
  onHealth: (health: TargetHealth) => void = () => undefined,
): Targets {
  const made = new Map<string, Closing>();
  const states = new Map<string, TargetHealth>();
  const jumps = new Map<string, SshConnection>();
  const { config } = stack;

  const note = (host: string, state: TargetHealth['state'], problem?: string) => {
    const before = states.get(host);
    const health = {
      host,
      state,
      since: before?.state === state ? before.since : Date.now(),
      ...(problem === undefined ? {} : { problem }),
    };
    states.set(host, health);
    onHealth(health);
  };
  const make = (name: string, account: 'reading' | 'acting'): Closing => {
    const host = stack.hosts.get(name);
    if (!host) throw new WarroomError('NOT_FOUND', { kind: 'host', id: name, hint: '' });
    if (host.local) return new LocalTarget(name, account);
    const connection = new SshConnection(
      { name, host: host.address, port: host.port },
      accountOf(config, account, secretOf),
      jumpOf(host),
    );
    if (account === 'reading') connection.onState = (state, problem) => note(name, state, problem);
    return new SshTarget(name, account, connection);
  };
  const jumpOf = (host: Host): SshConnection | undefined => {
    const jump = config.ssh?.jump;
    const through = jump === undefined || jump === host.name ? undefined : stack.hosts.get(jump);
    if (!through) return undefined;
    const known = jumps.get(through.name);
    if (known) return known;
    const connection = new SshConnection(
      { name: through.name, host: through.address, port: through.port },
      accountOf(config, 'reading', secretOf),
      undefined,
    );
    jumps.set(through.name, connection);
    return connection;
  };
  const get = (name: string, account: 'reading' | 'acting') => {
    const id = `${account} ${name}`;
    const target = made.get(id) ?? make(name, account);
    made.set(id, target);
    return target;
  };
  const links = new Links((source) => (typeof source === 'string' ? new Secret(source) : secretOf(source)));
  return {
    links,
    direct: (name) => new DirectTarget(name),
    reading: (host) => get(host, 'reading'),
    acting: (host) => (config.act ? get(host, 'acting') : undefined),
    health: () => [...states.values()],
    close: async () => {
      links.close();
      await Promise.all([...made.values()].map((target) => target.close()));
      await Promise.all([...jumps.values()].map((jump) => jump.close()));
    },
  };
}

function accountOf(
  config: Config,
  account: 'reading' | 'acting',
  secretOf: (source: SecretSource) => Secret,
): SshAccount {
  const from = account === 'acting' ? config.act : config.ssh;
  if (!from)
    throw new WarroomError('TARGET_UNREACHABLE', {
      target: 'the hosts',
      problem: 'the config has no ssh account',
      mend: 'Add  ssh: { user: warroom, key: { file: … } }',
    });
  const { key, password } = from;
  return {
    user: from.user,
    knownHosts: from.knownHosts ?? config.ssh?.knownHosts ?? join(homedir(), '.ssh', 'known_hosts'),
    ...(key === undefined ? {} : { key: () => secretOf(key).reveal() }),
    ...(password === undefined ? {} : { password: () => secretOf(password).reveal() }),
  };
}
