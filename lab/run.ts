import { type SpawnSyncOptions, spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { connect } from 'node:net';

/** The system's own programs, whatever else stands first in PATH. */
export const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';
export const ENV: NodeJS.ProcessEnv = { PATH, LC_ALL: 'C.UTF-8', HOME: '/root', TMPDIR: '/tmp' };

/** Runs a command to its end; throws with what it said when it failed. */
export function run(argv: readonly string[], options: SpawnSyncOptions = {}): string {
  const [program = '', ...rest] = argv;
  const done = spawnSync(program, rest, {
    env: ENV,
    timeout: 60_000,
    maxBuffer: 16 * 1024 * 1024,
    ...options,
  });
  if (done.status !== 0)
    throw new Error(
      `${argv.join(' ')} ended with ${done.status ?? done.signal}: ${String(done.stderr ?? done.error ?? '')
        .trim()
        .slice(-500)}`,
    );
  return String(done.stdout ?? '');
}

/** The same, where failure is an answer. */
export function tried(argv: readonly string[]): boolean {
  const [program = '', ...rest] = argv;
  return spawnSync(program, rest, { env: ENV, timeout: 20_000, stdio: 'ignore' }).status === 0;
}

export function runAsync(argv: readonly string[], input?: string, timeoutMs = 60_000): Promise<string> {
  const [program = '', ...rest] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(program, rest, { env: ENV, timeout: timeoutMs });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (data: Buffer) => out.push(data));
    child.stderr.on('data', (data: Buffer) => err.push(data));
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0
        ? resolve(Buffer.concat(out).toString())
        : reject(
            new Error(
              `${argv.join(' ')} ended with ${code}: ${Buffer.concat(err).toString().trim().slice(-500)}`,
            ),
          ),
    );
    child.stdin.on('error', () => undefined);
    child.stdin.end(input ?? '');
  });
}

/** Whether a command ends well. */
export function succeeds(argv: readonly string[]): Promise<boolean> {
  return runAsync(argv, '', 20_000).then(
    () => true,
    () => false,
  );
}

/** Starts a process that outlives this one, its output in a file. */
export function daemon(argv: readonly string[], log: string, env: NodeJS.ProcessEnv = ENV): number {
  const [program = '', ...rest] = argv;
  const file = openSync(log, 'a');
  const child = spawn(program, rest, { env, detached: true, stdio: ['ignore', file, file] });
  closeSync(file);
  child.unref();
  if (child.pid === undefined) throw new Error(`${program} did not start.`);
  return child.pid;
}

/** Waits for a condition, with a deadline. */
export async function until(
  what: string,
  met: () => boolean | Promise<boolean>,
  deadlineMs = 20_000,
  everyMs = 50,
): Promise<void> {
  const end = Date.now() + deadlineMs;
  while (!(await met())) {
    if (Date.now() > end) throw new Error(`${what} did not happen within ${deadlineMs / 1000} s.`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/** Whether something accepts connections there. */
export function connects(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1_000 });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
}

/** Whether a web server answers there with anything but an error of its own. */
export async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2_000), redirect: 'manual' })).status < 500;
  } catch {
    // Not listening yet, or not in time.
    return false;
  }
}
