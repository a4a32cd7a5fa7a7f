import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Part } from './plan.ts';

/** What `up` made; written before it is made, so that `down` can undo an `up` that failed half-way. */
export interface LabState {
  readonly number: number;
  readonly root: string;
  /** False until everything answered. */
  readonly complete: boolean;
  /** What of the stack was asked for. */
  readonly parts: readonly Part[];
  /** Host -> pid of its first process (the child of unshare), as seen from outside. */
  readonly hosts: Readonly<Record<string, number>>;
  /** Whether the hosts' CPU is capped. */
  readonly capped: boolean;
  /** Long-running processes that faults and tests started inside hosts. */
  readonly daemons: readonly LabDaemon[];
  /** Faults that are on, with the host that each broke. */
  readonly faults: Readonly<Record<string, { readonly host: string }>>;
  /** Requests a second that traffic was last started with. */
  readonly rate: number;
}

export interface LabDaemon {
  readonly host: string;
  readonly name: string;
  /** As seen from inside the host; leader of a process group of its own. */
  readonly pid: number;
}

/** Outside every root, since labs on different roots must not take the same number. */
const LOCKS = '/run/warroom-lab';
const NUMBERS = 200;

/** Claims the lowest free lab number for a root. */
export function claimNumber(root: string): number {
  mkdirSync(LOCKS, { recursive: true });
  const mine = `${root}\n${process.pid}\n`;
  for (let number = 1; number <= NUMBERS; number++) {
    if (isMade(number)) continue;
    const lock = lockFile(number);
    try {
      writeFileSync(lock, mine, { flag: 'wx' });
      return number;
    } catch {
      if (!isStale(lock)) continue;
      // Two that find it stale at once: one of them wins the second writing.
      rmSync(lock, { force: true });
      number -= 1;
    }
  }
  throw new Error(`All ${NUMBERS} lab numbers are taken; see ${LOCKS}.`);
}

/**
 * The number that a root holds, and who claimed it. Only this may be trusted when something is to be ended: what a
 * folder says of itself may be older than the last start of the machine, and its number another's by now.
 */
export function claimOf(root: string): { readonly number: number; readonly pid: number } | undefined {
  if (!existsSync(LOCKS)) return undefined;
  const claims = readdirSync(LOCKS).map((name) => ({
    number: Number(name),
    ...holder(lockFile(Number(name))),
  }));
  return claims.find((claim) => claim.root === root);
}

export function releaseNumber(number: number): void {
  rmSync(lockFile(number), { force: true });
  if (existsSync(LOCKS) && readdirSync(LOCKS).length === 0) rmSync(LOCKS, { recursive: true, force: true });
}

export function readState(root: string): LabState | undefined {
  const file = stateFile(root);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as LabState) : undefined;
}

export function needState(root: string): LabState {
  const state = readState(root);
  if (!state) throw new Error(`No lab is up in ${root}: npm run lab -- up --root ${root}`);
  return state;
}

export function writeState(state: LabState): void {
  const file = stateFile(state.root);
  writeFileSync(`${file}.new`, `${JSON.stringify(state, null, 2)}\n`);
  renameSync(`${file}.new`, file);
}

/** What `down --keep` leaves is a lab's folder still, and may be used again. */
export function retire(root: string): void {
  if (existsSync(stateFile(root))) renameSync(stateFile(root), retiredFile(root));
}

export function isRetired(root: string): boolean {
  return existsSync(retiredFile(root));
}

function retiredFile(root: string): string {
  return join(root, 'lab.down.json');
}

function stateFile(root: string): string {
  return join(root, 'lab.json');
}

function lockFile(number: number): string {
  return join(LOCKS, String(number));
}

function isMade(number: number): boolean {
  return existsSync(`/sys/class/net/wrbr${number}`);
}

function holder(lock: string): { root: string; pid: number } {
  const [root = '', pid = '0'] = existsSync(lock) ? readFileSync(lock, 'utf8').split('\n') : [];
  return { root, pid: Number(pid) };
}

/** Nothing is made under the number, its root has no lab, and who claimed it has ended. */
function isStale(lock: string): boolean {
  const { root, pid } = holder(lock);
  return readState(root) === undefined && !existsSync(`/proc/${pid}/stat`);
}
