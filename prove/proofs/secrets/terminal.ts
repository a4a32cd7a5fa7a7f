import { spawn } from 'node:child_process';

/** All that the built program says to a terminal; it is ended when it does not end by itself. */
export function warroom(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  endAfterMs = 60_000,
): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['dist/main.js', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    const parts: string[] = [];
    child.stdout.on('data', (data: Buffer) => parts.push(data.toString('utf8')));
    child.stderr.on('data', (data: Buffer) => parts.push(data.toString('utf8')));
    const timer = setTimeout(() => child.kill('SIGTERM'), endAfterMs);
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve(`${parts.join('')}\nended with ${String(code)}`);
    });
  });
}

/** Each takes a core while it starts. */
export async function twoAtATime<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const left = [...all];
  const next = async (): Promise<void> => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) await work(one);
  };
  await Promise.all([next(), next()]);
}
