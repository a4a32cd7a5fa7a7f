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
import { HOSTS, namespace } from './plan.ts';
import { answers, until } from './run.ts';
import { SERVICES } from './services/index.ts';
import { claimNumber, claimOf, isRetired, type LabState, readState, writeState } from './state.ts';

export interface UpOptions {
  readonly root: string;
  /** Where progress goes, a line at a time. */
  readonly say?: (line: string) => void;
}

/** Starts the whole stack in `root`; gives the one that is up there already when there is one. */
export async function upLab(options: UpOptions): Promise<Lab> {
  const root = resolve(options.root);
  const say = options.say ?? (() => undefined);
  const possible = labPossible();
  if (!possible.possible) throw new Error(`The lab cannot run here: ${possible.reason}.`);
  const before = readState(root);
  if (before?.complete && isAlive(before.number, before.hosts)) return new Lab(root);
  refuseForeignFolder(root);
  const claimer = claimOf(root)?.pid;
  if (before && !before.complete && claimer !== process.pid && existsSync(`/proc/${claimer}/stat`))
    throw new Error(`The lab in ${root} is being started by process ${claimer}.`);
  // What an earlier `up` left behind when it was cut short, or the machine was started anew.
  await downLab(root);
  if (isRetired(root)) rmSync(root, { recursive: true });
  ensurePackages(say);
  const number = claimNumber(root);
  try {
    return await makeLab(root, number, say);
  } catch (thrown) {
    say(
      `The start failed. What was made stays for a look: ${root}; npm run lab -- down --root ${root} removes it.`,
    );
    throw thrown;
  }
}

async function makeLab(root: string, number: number, say: (line: string) => void): Promise<Lab> {
  mkdirSync(join(root, 'site', 'flags'), { recursive: true, mode: 0o755 });
  let state: LabState = { number, root, complete: false, hosts: {}, capped: true, faults: {}, rate: 0 };
  writeState(state);
  makeKeys(root, number);
  makeBridge(number);
  for (const host of HOSTS) {
    makeNamespace(number, host);
    const boot = Math.max(host.cores, BOOT_CORES);
    if (state.capped && !makeCpuGroup(namespace(number, host.name), boot)) {
      say(
        'This machine lets nobody write CPU groups: the hosts are not capped, and faults that need it show less.',
      );
      state = { ...state, capped: false };
    }
    const binds = SERVICES.find((service) => service.host === host.name)?.binds ?? [];
    writeHost(root, number, host, binds);
  }
  await Promise.all(SERVICES.map((service) => service.prepare({ root, number })));
  const first = await Promise.all(
    HOSTS.map(async (host) => [host.name, await bootHost(root, number, host)] as const),
  );
  state = { ...state, hosts: Object.fromEntries(first) };
  writeState(state);
  const lab = new Lab(root);
  await Promise.all(SERVICES.map((service) => lab.startService(service.host)));
  await until(
    'a page through the whole stack',
    () => answers(`http://${lab.address('web1')}/order/1`),
    20_000,
  );
  if (state.capped) for (const host of HOSTS) makeCpuGroup(namespace(number, host.name), host.cores);
  writeConfig(root, number);
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
  for (const name of ['warroom.yaml', 'tokens.json', 'secrets', 'keys', 'data']) give(join(root, name));
}
