import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensure, ensurePackages, labPossible, TESTED } from '../lab/packages.ts';

/**
 * `npm test`: style and types, the build, then every test; real servers are brought in from the distribution's
 * packages first. Ends with one line, "N passed, N failed", that counts checks of style as tests.
 */
interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly success: boolean;
}

let passed = 0;
let failed = 0;

function step(name: string, argv: readonly string[]): void {
  const [program = '', ...rest] = argv;
  const done = spawnSync(program, rest, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (done.status === 0) passed += 1;
  else {
    failed += 1;
    process.stdout.write(`✗ ${name}\n`);
  }
}

const possible = labPossible();
const say = (line: string) => void process.stdout.write(`${line}\n`);
if (possible.possible) {
  ensurePackages(say);
  ensure(TESTED, say);
} else process.stdout.write(`Tests that need the lab are skipped: ${possible.reason}.\n`);

const quick = process.argv.includes('--quick');
if (!quick) {
  step('style', ['npx', 'biome', 'ci', '--error-on-warnings', '.']);
  step('types', ['npm', 'run', '-s', 'typecheck']);
  step('arrows', ['npx', 'depcruise', '--config', '.dependency-cruiser.cjs', 'src']);
  step('unused', ['npx', 'knip']);
}
step('build', ['npm', 'run', '-s', 'build']);

const folder = mkdtempSync(join(tmpdir(), 'warroom-test-'));
const report = join(folder, 'report.json');
const filters = process.argv.slice(2).filter((word) => word !== '--quick');
spawnSync(
  'npx',
  ['vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...filters],
  { stdio: ['ignore', 'inherit', 'inherit'] },
);
let skipped = 0;
try {
  const told = JSON.parse(readFileSync(report, 'utf8')) as Report;
  passed += told.numPassedTests;
  failed += told.numFailedTests + (told.success || told.numFailedTests > 0 ? 0 : 1);
  skipped = told.numPendingTests + told.numTodoTests;
} catch {
  failed += 1;
}
rmSync(folder, { recursive: true, force: true });
// In CI the servers can always be had: a skipped test there hides something.
if (process.env['CI'] && skipped > 0) failed += skipped;
process.stdout.write(
  `${passed} passed, ${failed} failed${skipped > 0 && !process.env['CI'] ? `, ${skipped} skipped` : ''}\n`,
);
process.exitCode = failed > 0 ? 1 : 0;
