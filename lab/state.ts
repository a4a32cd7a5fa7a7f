import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What `up` made, written before it is made, so that `down` can undo a half-failed `up`. */
export interface LabState {
  readonly number: number;
  readonly root: string;
  /** Host -> pid of its first process (the child of unshare), as seen from outside. */
  readonly hosts: Readonly<Record<string, number>>;
  readonly faults: readonly string[];
  readonly rate: number;
}

const LOCKS = '/run/warroom-lab';
const NUMBERS = 200;

/** Claims the lowest free lab number; a lock whose root has no lab any more is stale. */
export function claimNumber(root: string): number {
  mkdirSync(LOCKS, { recursive: true });
  for (let number = 1; number <= NUMBERS; number++) {
    const lock = join(LOCKS, String(number));
    try {
      writeFileSync(lock, root, { flag: 'wx' });
      return number;
    } catch {
      const holder = readFileSync(lock, 'utf8');
      if (holder === root) return number;
      if (!existsSync(stateFile(holder)) && !existsSync(`/run/netns/wr${number}-web1`)) {
        writeFileSync(lock, root);
        return number;
      }
    }
  }
  throw new Error(`All ${NUMBERS} lab numbers are taken; look into ${LOCKS}.`);
}

export function releaseNumber(number: number): void {
  rmSync(join(LOCKS, String(number)), { force: true });
  if (existsSync(LOCKS) && readdirSync(LOCKS).length === 0) rmSync(LOCKS, { recursive: true, force: true });
}

export function stateFile(root: string): string {
  return join(root, 'lab.json');
}

export function readState(root: string): LabState | undefined {
  return existsSync(stateFile(root))
    ? (JSON.parse(readFileSync(stateFile(root), 'utf8')) as LabState)
    : undefined;
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
