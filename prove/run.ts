import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Act, Failed, type Proof } from './proof.ts';

const WRONG_USE = 64;

/** `npm run prove -- NAME`, `npm run bench -- NAME`: runs one of them, cleans up, prints PASS or FAIL with figures last, and ends the process. */
export async function runNamed(
  script: string,
  proofs: readonly Proof[],
  name: string | undefined,
): Promise<never> {
  const proof = proofs.find((one) => one.name === name);
  if (!proof) {
    process.stdout.write(
      `npm run ${script} -- NAME\n${proofs.map((one) => `  ${one.name.padEnd(14)} ${one.shows}`).join('\n')}\n`,
    );
    process.exit(name === undefined ? 0 : WRONG_USE);
  }
  return run(proof);
}

async function run(proof: Proof): Promise<never> {
  const started = Date.now();
  const undo: (() => Promise<unknown> | unknown)[] = [];
  const figures: string[] = [];
  const lastWords: (() => string)[] = [];
  let failures = 0;
  const seconds = () => (Date.now() - started) / 1000;
  const act: Act = {
    say: (line) => process.stdout.write(`[${seconds().toFixed(1).padStart(6)} s] ${line}\n`),
    check: (what, holds, figure) => {
      if (!holds) failures += 1;
      act.say(`${holds ? 'ok  ' : 'FAIL'} ${what}${figure === undefined ? '' : `: ${figure}`}`);
    },
    figure: (label, value) => figures.push(`${label} ${value}`),
    after: (step) => undo.push(step),
    lastWords: (words) => lastWords.push(words),
    folder: () => {
      const folder = mkdtempSync(join(tmpdir(), 'warroom-prove-'));
      undo.push(() => rmSync(folder, { recursive: true, force: true }));
      return folder;
    },
    seconds,
  };

  let timer: NodeJS.Timeout | undefined;
  try {
    build();
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Failed(`it took longer than ${proof.seconds} s`)),
        proof.seconds * 1000,
      );
    });
    const stopped = new Promise<never>((_, reject) => {
      // Again and again: npm passes on what the terminal has sent as well, and cleaning up goes on.
      for (const signal of ['SIGINT', 'SIGTERM'] as const)
        process.on(signal, () => reject(new Failed(`stopped by ${signal}`)));
    });
    await Promise.race([proof.run(act), late, stopped]);
  } catch (thrown) {
    failures += 1;
    act.say(
      `FAIL ${thrown instanceof Failed ? thrown.message : thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`,
    );
  } finally {
    clearTimeout(timer);
    if (failures > 0) for (const words of lastWords.slice(-1)) act.say(words());
    for (const step of undo.reverse()) {
      try {
        await step();
      } catch (thrown) {
        failures += 1;
        act.say(`FAIL cleaning up: ${String(thrown)}`);
      }
    }
  }
  process.stdout.write(
    `${failures === 0 ? 'PASS' : 'FAIL'} ${proof.name} in ${seconds().toFixed(0)} s${figures.length ? ` · ${figures.join(' · ')}` : ''}\n`,
  );
  process.exit(failures === 0 ? 0 : 1);
}

/** The proofs run the built program, as a user does. */
function build(): void {
  const done = spawnSync('npm', ['run', '-s', 'build'], { stdio: ['ignore', 'inherit', 'inherit'] });
  if (done.status !== 0 || !existsSync('dist/main.js')) throw new Failed('the build failed');
}
