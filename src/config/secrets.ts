import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { reason, WarroomError } from '../errors/catalogue.ts';
import type { SecretSource } from './schema.ts';
import { Secret } from './secret.ts';

const COMMAND_MS = 10_000;

/** Reads a secret. `place` and `path` say where the config asks for it. SECRET_MISSING says what to do. */
export function readSecret(
  source: SecretSource,
  place: string,
  path: string,
  env: NodeJS.ProcessEnv = process.env,
): Secret {
  const missing = (from: string, problem: string, mend: string, cause?: unknown) =>
    new WarroomError('SECRET_MISSING', { place, path, source: from, problem, mend }, cause);
  if ('env' in source) {
    const value = env[source.env];
    if (!value)
      throw missing(
        `the environment variable ${source.env}`,
        value === undefined ? 'it is not set' : 'it is empty',
        `Start Warroom with ${source.env}=…`,
      );
    return checked(value, () =>
      missing(`the environment variable ${source.env}`, IN_LINES, 'Take the line break out.'),
    );
  }
  if ('file' in source) {
    try {
      const mode = statSync(source.file).mode & 0o077;
      if (mode !== 0)
        throw missing(`the file ${source.file}`, 'others may read it', `chmod 600 ${source.file}`);
      const value = readFileSync(source.file, 'utf8');
      // A private key keeps its last newline; a token must not have one.
      const secret = value.includes('PRIVATE KEY') ? value : value.trim();
      if (secret === '') throw missing(`the file ${source.file}`, 'it is empty', 'Write the secret into it.');
      return checked(secret, () => missing(`the file ${source.file}`, IN_LINES, 'Take the line break out.'));
    } catch (thrown) {
      if (thrown instanceof WarroomError) throw thrown;
      throw missing(
        `the file ${source.file}`,
        reason(thrown),
        `Make it, owned by the user that runs Warroom, with mode 600.`,
        thrown,
      );
    }
  }
  const [program = '', ...argv] = source.command;
  try {
    const value = execFileSync(program, argv, {
      timeout: COMMAND_MS,
      maxBuffer: 64 * 1024,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim();
    return checked(value, () => missing(`the command ${program}`, IN_LINES, 'Have it print one line.'));
  } catch (thrown) {
    if (thrown instanceof WarroomError) throw thrown;
    // Neither its arguments nor what it printed: either may hold the secret.
    throw missing(`the command ${program}`, howItEnded(thrown), 'Run it by hand to see why.');
  }
}

const IN_LINES = 'it has a line break in the middle, which no token has';

/** A private key has lines; whatever else has them was pasted wrongly, and libraries would quote it in their complaint. */
function checked(value: string, inLines: () => WarroomError): Secret {
  if (/[\r\n]/.test(value) && !/PRIVATE KEY|PuTTY-User-Key-File/.test(value)) throw inLines();
  return new Secret(value);
}

function howItEnded(thrown: unknown): string {
  const { code, status, signal } = thrown as { code?: unknown; status?: unknown; signal?: unknown };
  if (typeof code === 'string')
    return code === 'ETIMEDOUT' ? 'it did not end in time' : `it did not run (${code})`;
  return typeof status === 'number' ? `it ended with ${status}` : `it was ended by ${String(signal)}`;
}
