import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'vitest';
import { ensurePackages, labPossible } from '../../lab/index.ts';

const possible = labPossible();

/** Why there is no lab here; undefined where there can be one. Continuous integration has no excuse. */
export const withoutLab = possible.possible || process.env['CI'] ? undefined : possible.reason;

/** What is missing is installed; where that cannot be, the test fails with the reason. */
export function prepareLab(): void {
  if (!possible.possible) throw new Error(`No lab: ${possible.reason}.`);
  ensurePackages((line) => process.stderr.write(`${line}\n`));
}

/** A folder for a lab of the test's own. */
export function newRoot(): string {
  return mkdtempSync(join(tmpdir(), 'warroom-lab-'));
}

/** Says in the report why the lab's tests are skipped. */
export function sayWhySkipped(): void {
  if (withoutLab !== undefined) test.skip(`the lab's tests are skipped: ${withoutLab}`, () => undefined);
}
