import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'vitest';
import { ensurePackages, labPossible, type Part } from '../../lab/index.ts';

const possible = labPossible();

/** Why there is no lab here; undefined where there can be one. Continuous integration has no excuse. */
export const withoutLab = possible.possible || process.env['CI'] ? undefined : possible.reason;

/** What is missing is installed; where that cannot be, the test fails with the reason. */
export function prepareLab(only: readonly Part[]): void {
  if (!possible.possible) throw new Error(`No lab: ${possible.reason}.`);
  ensurePackages((line) => process.stderr.write(`${line}\n`), only);
}

/** A folder for a lab of the test's own. */
export function newRoot(): string {
  return mkdtempSync(join(tmpdir(), 'warroom-lab-'));
}

/** Says in the report why the lab's tests are skipped. */
export function sayWhySkipped(): void {
  if (withoutLab !== undefined) test.skip(`the lab's tests are skipped: ${withoutLab}`, () => undefined);
}

/** What is still there of a lab: its folder, network, CPU groups, processes, mounts. Empty after `down`. */
export function tracesOf(number: number, root: string): string[] {
  const ours = (name: string) =>
    name.startsWith(`wr${number}-`) || name.startsWith(`wr${number}v`) || name === `wrbr${number}`;
  const folders = [
    '/run/netns',
    '/sys/class/net',
    '/sys/fs/cgroup',
    '/sys/fs/cgroup/cpu',
    '/sys/fs/cgroup/cpuacct',
  ];
  const lines = [execFileSync('ps', ['-e', '-o', 'args=']).toString(), readFileSync('/proc/mounts', 'utf8')]
    .join('\n')
    .split('\n');
  return [
    ...(existsSync(root) ? [root] : []),
    ...folders
      .filter((folder) => existsSync(folder))
      .flatMap((folder) =>
        readdirSync(folder)
          .filter(ours)
          .map((name) => `${folder}/${name}`),
      ),
    ...lines.filter((line) => line.includes(root)),
  ];
}
