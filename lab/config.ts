import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { ACTOR, keyFile, knownHostsFile, READER } from './accounts.ts';
import { configServices } from './config-services.ts';
import { LIMITS } from './limits.ts';
import { addressOf, HOSTS, inParts, SITE } from './plan.ts';
import { secretFile } from './secrets.ts';
import type { Place } from './services/service.ts';

const CONSOLE_PORT = 7080;
/** The host that carries what all of them share, where it is up; application servers are what loads this machine. */
const KERNEL_HOST = 'app1';

/** People of the lab: two approvers, an operator, and a stranger who is nobody to the config. */
const PEOPLE = {
  ada: ['see', 'operate', 'approve'],
  ben: ['see', 'operate', 'approve'],
  otto: ['see', 'operate'],
} as const;
const STRANGER = 'eve';

/**
 * `warroom.yaml`, which works as it stands, and the console tokens of its people in `tokens.json`; tokens that are
 * there already stay. `more` are further services.
 */
export function writeConfig(place: Place, more: Readonly<Record<string, object>> = {}): void {
  const { root, number, parts } = place;
  const names = [...Object.keys(PEOPLE), STRANGER];
  const tokens = tokensOf(root, names);
  const account = (user: string) => ({
    user,
    key: { file: keyFile(root, user) },
    knownHosts: knownHostsFile(root),
  });
  // Clients are where visitors and reports come from; nobody watches them.
  const watched = inParts(HOSTS, parts).filter((host) => host.role !== 'client');
  const kernelHost = (watched.find((host) => host.name === KERNEL_HOST) ?? watched[0])?.name;
  const listen = `127.0.0.1:${CONSOLE_PORT + number}`;
  const config = {
    launch: {
      name: 'Shop relaunch',
      timezone: 'Europe/Berlin',
      expect: { requests: `${LIMITS.rate}/s`, app: 3, hitRate: 0.85 },
    },
    ssh: account(READER),
    act: account(ACTOR),
    // All hosts share this machine's kernel: load average, memory and pressure are judged on one of them only.
    hosts: Object.fromEntries(
      watched.map((host) => [
        host.name,
        {
          address: addressOf(number, host.name),
          ...(host.name === kernelHost ? {} : { sharedKernel: true }),
        },
      ]),
    ),
    services: { ...configServices(place), ...more },
    sites: [SITE],
    console: {
      listen,
      publicUrl: `http://${listen}`,
      tokens: names.map((name) => ({
        name,
        secret: secretFile(root, name, tokens[name] ?? ''),
        ...(name === STRANGER ? { may: [] } : { person: name, may: PEOPLE[name as keyof typeof PEOPLE] }),
      })),
    },
    // A rehearsal is shorter than the time that a cache is left to fill.
    checks: {
      'host.cache-uses-memory': { warmSeconds: 30 },
      'mysql.buffer-pool': { warmingSeconds: 30 },
    },
    people: Object.fromEntries(
      Object.entries(PEOPLE).map(([name, may]) => [name, { console: name, terminal: name, may: [...may] }]),
    ),
    store: `sqlite:${join(root, 'data', 'warroom.db')}`,
  };
  writeFileSync(join(root, 'warroom.yaml'), stringify(config, { lineWidth: 0 }));
}

function tokensOf(root: string, names: readonly string[]): Record<string, string> {
  const file = join(root, 'tokens.json');
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
  const tokens = Object.fromEntries(names.map((name) => [name, randomBytes(24).toString('base64url')]));
  writeFileSync(file, JSON.stringify(tokens, null, 2), { mode: 0o600 });
  return tokens;
}
