import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { writeConfig } from './config.ts';
import { dropBridge, dropHost, hostDir, inHost, makeBridge, makeHost } from './host.ts';
import { Lab, makeSite } from './lab.ts';
import { ensurePackages, labPossible } from './packages.ts';
import { addressOf, HOSTS } from './plan.ts';
import { daemon, run, runAsync, tried, until } from './run.ts';
import { haproxy } from './services/haproxy.ts';
import { postgres } from './services/postgres.ts';
import type { Service } from './services/service.ts';
import { applications } from './services/uwsgi.ts';
import { varnish } from './services/varnish.ts';
import { claimNumber, type LabState, readState, releaseNumber, stateFile, writeState } from './state.ts';

const SERVICES: readonly Service[] = [postgres, ...applications, haproxy, varnish];

/** Starts the whole stack in `root`; gives the one that is up there already when there is one. */
export async function upLab(options: {
  readonly root: string;
  readonly say?: (line: string) => void;
}): Promise<Lab> {
  const root = resolve(options.root);
  const possible = labPossible();
  if (!possible.possible) throw new Error(`The lab cannot run here: ${possible.reason}.`);
  ensurePackages(options.say ?? (() => undefined));
  const before = readState(root);
  if (
    before &&
    Object.keys(before.hosts).length === HOSTS.length &&
    existsSync(`/run/netns/wr${before.number}-web1`)
  )
    return new Lab(root);
  if (before) await downLab(root, { keep: true });
  mkdirSync(root, { recursive: true, mode: 0o755 });
  // Servers that drop their rights must be able to walk down to their files.
  chmodSync(root, 0o755);
  const number = claimNumber(root);
  let state: LabState = { number, root, hosts: {}, faults: [], rate: 0 };
  writeState(state);
  makeSite(root);
  makeKeys(root, number);
  makeBridge(number);
  const made = await Promise.all(
    HOSTS.map(async (host) => [host.name, await makeHost(root, number, host)] as const),
  );
  state = { ...state, hosts: Object.fromEntries(made) };
  writeState(state);
  const lab = new Lab(root);
  await Promise.all(SERVICES.map((service) => startService(lab, service)));
  writeConfig(root, number);
  return lab;
}

async function startService(lab: Lab, service: Service): Promise<void> {
  const { number, hosts } = lab.state;
  const first = hosts[service.host] as number;
  service.prepare(lab.root, number);
  for (const argv of service.start(number))
    daemon(
      inHost(number, service.host, first, ['setsid', ...argv]),
      join(hostDir(lab.root, service.host), 'services.log'),
    );
  const { ready, check, fill } = service;
  try {
    if (check)
      await until(
        `${service.host} to answer`,
        () => tried(inHost(number, service.host, first, check(number))),
        30_000,
        100,
      );
    if (fill) {
      const { argv, input } = fill(number);
      await runAsync(inHost(number, service.host, first, argv), input);
    }
    if (ready) await until(`${ready(number)} to answer`, () => answers(ready(number)), 40_000, 100);
  } catch (thrown) {
    const log = join(hostDir(lab.root, service.host), 'services.log');
    const tail = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n').slice(-8).join('\n') : '';
    throw new Error(`${thrown instanceof Error ? thrown.message : String(thrown)}\n${tail}`, {
      cause: thrown,
    });
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2_000), redirect: 'manual' })).status < 500;
  } catch {
    // Not listening yet.
    return false;
  }
}

/** Ends everything that the lab made; with `keep`, its folder stays. Works on a half-made lab too. */
export async function downLab(root: string, options: { readonly keep?: boolean } = {}): Promise<void> {
  const state = readState(resolve(root));
  if (!state) return;
  await Promise.all(HOSTS.map((host) => dropHost(state.number, host.name)));
  dropBridge(state.number);
  releaseNumber(state.number);
  rmSync(stateFile(state.root), { force: true });
  if (!options.keep) rmSync(state.root, { recursive: true, force: true });
}

function makeKeys(root: string, number: number): void {
  const dir = join(root, 'keys');
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(join(dir, 'authorized'), { recursive: true, mode: 0o755 });
  const make = (name: string) =>
    run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', join(dir, name)]);
  for (const user of ['warroom', 'warroom-act']) {
    make(user);
    writeFileSync(join(dir, 'authorized', user), readFileSync(join(dir, `${user}.pub`)), { mode: 0o644 });
  }
  const lines = HOSTS.map((host) => {
    make(`host_${host.name}`);
    const [type, key] = readFileSync(join(dir, `host_${host.name}.pub`), 'utf8').split(' ');
    return `${addressOf(number, host.name)} ${type} ${key}`;
  });
  writeFileSync(join(dir, 'known_hosts'), `${lines.join('\n')}\n`);
}
