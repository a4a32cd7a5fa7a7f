import { ConfigProblems } from '../../config/load.ts';
import { reason, WarroomError } from '../../errors/catalogue.ts';

/** Exit codes of the command line; `check` uses 0 to 3 for the worst finding. */
export const EXIT = {
  ok: 0,
  warn: 1,
  critical: 2,
  unknown: 3,
  config: 4,
  running: 5,
  usage: 64,
  failed: 70,
} as const;

/** One message for each problem on standard error, and the code that other programs rely on. */
export function fail(thrown: unknown): void {
  if (thrown instanceof ConfigProblems) {
    for (const problem of thrown.problems) process.stderr.write(`${problem.message}\n`);
    process.exitCode = EXIT.config;
    return;
  }
  process.stderr.write(`${reason(thrown)}\n`);
  process.exitCode = codeOf(thrown);
}

function codeOf(thrown: unknown): number {
  if (!(thrown instanceof WarroomError)) return EXIT.failed;
  if (thrown.code.startsWith('CONFIG') || thrown.code === 'SECRET_MISSING') return EXIT.config;
  if (thrown.code === 'INSTANCE_RUNNING') return EXIT.running;
  return EXIT.failed;
}
