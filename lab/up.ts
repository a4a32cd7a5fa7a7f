import { chownSync, existsSync, lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { makeKeys } from './accounts.ts';
import { makeCpuGroup } from './cgroup.ts';
import { writeConfig } from './config.ts';
import { downLab } from './down.ts';
import { bootHost, writeHost } from './host.ts';
import { Lab } from './lab.ts';
import { BOOT_CORES } from './limits.ts';
import { isAlive, makeBridge, makeNamespace } from './network.ts';
import { ensurePackages, labPossible } from './packages.ts';
import { HOSTS, inParts, namespace, PARTS, type Part } from './plan.ts';
import { passwordsOf } from './secrets.ts';
import { startServer } from './servers.ts';
import { SERVICES } from './services/index.ts';
import { claimNumber, claimOf, isRetired, type LabState, readState, writeState } from './state.ts';
import { writeMix } from './traffic/control.ts';
import { waitUntilWhole } from './whole.ts';

export interface UpOptions {
  readonly root: string;
  /** The parts that are wanted; all of them when left out. */
  readonly only?: readonly Part[];
  /** Where progress goes, a line at a time. */
  readonly say?: (line: string) => void;
}

/**
 * Starts the stack, or parts of it, in `root`; gives what is up there already when it has these parts. RangeError when
 * it has not, or when the folder holds something else.
 */
export async function upLab(options: UpOptions): Promise<Lab> {
  const root = resolve(options.root);
  const say = options.say ?? (() => undefined);
  const parts = PARTS.filter((part) => options.only?.includes(part) ?? true);
  const possible = labPossible();
  if (!possible.possible) throw new Error(`The lab cannot run here: ${possible.reason}.`);
  const before = readState(root);
  if (before?.complete && isAlive(before.number, before.hosts)) {
    const missing = parts.filter((part) => !before.parts.includes(part));
    if (missing.length === 0) return new Lab(root);
    throw new RangeError(
      `The lab in ${root} is up without ${missing.join(', ')}: npm run lab -- down --root ${root} first.`,
    );
  }
  refuseForeignFolder(root);
  const claimer = claimOf(root)?.pid;
  if (before && !before.complete && claimer !== process.pid && existsSync(`/proc/${claimer}/stat`))
    throw new Error(`The lab in ${root} is being started by process ${claimer}.`);
  // What an earlier `up` left behind when it was cut short, or the machine was started anew.
  await downLab(root);
  if (isRetired(root)) rmSync(root, { recursive: true });
  ensurePackages(say, parts);
  const number = claimNumber(root);
  try {
    return await makeLab(root, number, parts, say);
  } catch (thrown) {
    say(
      `The start failed. What was made stays for a look: ${root}; npm run lab -- down --root ${root} removes it.`,
    );
    throw thrown;
  }
}

async function makeLab(
  root: string,
  number: number,
  parts: readonly Part[],
  say: (line: string) => void,
): Promise<Lab> {
  mkdirSync(join(root, 'site', 'flags'), { recursive: true, mode: 0o755 });
  const hosts = inParts(HOSTS, parts);
  const services = inParts(SERVICES, parts);
  const nothing = { hosts: {}, faults: {}, daemons: [], rate: 0 };
  let state: LabState = { number, root, complete: false, parts, capped: true, ...nothing };
  writeState(state);
  makeKeys(root, number, hosts);
  makeBridge(number);
  for (const host of hosts) {
    makeNamespace(number, host);
    const boot = Math.max(host.cores, BOOT_CORES);
    if (state.capped && !makeCpuGroup(namespace(number, host.name), boot)) {
      say(
        'This machine lets nobody write CPU groups: the hosts are not capped, and faults that need it show less.',
      );
      state = { ...state, capped: false };
    }
    const binds = services.filter((service) => service.host === host.name).flatMap(({ binds }) => binds);
    writeHost(root, number, host, hosts, binds);
  }
  const place = { root, number, parts, passwords: passwordsOf(root) };
  await Promise.all(services.map((service) => service.prepare(place)));
  const first = await Promise.all(
    hosts.map(async (host) => [host.name, await bootHost(root, number, host)] as const),
  );
  state = { ...state, hosts: Object.fromEntries(first) };
  writeState(state);
  const lab = new Lab(root);
  const started = services.filter((service) => !service.idle);
  await Promise.all(started.map((service) => startServer(lab, service)));
  await waitUntilWhole(lab);
  if (state.capped) for (const host of hosts) makeCpuGroup(namespace(number, host.name), host.cores);
  writeMix(root, parts, {});
  writeConfig(place);
  giveToCaller(root);
  writeState({ ...state, complete: true });
  return lab;
}

/** `down` removes the root: a folder with anything else in it is not taken. */
function refuseForeignFolder(root: string): void {
  if (/['\n]/.test(root)) throw new RangeError(`The lab's folder may not have quotes in its name: ${root}`);
  const ours = readState(root) !== undefined || claimOf(root) !== undefined || isRetired(root);
  if (!ours && existsSync(root) && readdirSync(root).length > 0)
    throw new RangeError(`${root} is not empty and holds no lab; give an empty or new folder with --root.`);
}

/** Under sudo, what the bot reads belongs to the person who called. */
function giveToCaller(root: string): void {
  const [user, group] = [Number(process.env['SUDO_UID'] ?? 0), Number(process.env['SUDO_GID'] ?? 0)];
  if (user === 0) return;
  mkdirSync(join(root, 'data'), { recursive: true });
  const give = (path: string) => {
    chownSync(path, user, group);
    if (lstatSync(path).isDirectory()) for (const name of readdirSync(path)) give(join(path, name));
  };
  for (const name of ['warroom.yaml', 'tokens.json', 'secrets', 'reference', 'keys', 'data'])
    if (existsSync(join(root, name))) give(join(root, name));
}
