import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { LineCounter, parseDocument } from 'yaml';
import { reason, WarroomError } from '../errors/catalogue.ts';
import { issueProblems } from './issues.ts';
import { type ConfigPath, doubleKeys, Places, pathText } from './places.ts';
import { referenceProblems, secretsOf } from './references.ts';
import { Config, type SecretSource } from './schema.ts';
import type { Secret } from './secret.ts';
import { readSecret } from './secrets.ts';
import { Stack } from './stack.ts';

export interface LoadedConfig {
  readonly config: Config;
  readonly stack: Stack;
  /** `file:line:column` of a part of the config, or of the nearest part above it that the file has. */
  where(path: ConfigPath): string;
  /** A secret of the config; each source is read once. */
  secret(source: SecretSource, path?: ConfigPath): Secret;
}

/** All that is wrong with a config, at once; the message has one line each. */
export class ConfigProblems extends Error {
  override readonly name = 'ConfigProblems';
  constructor(readonly problems: readonly WarroomError[]) {
    super(problems.map((problem) => problem.message).join('\n'));
  }
}

/** A config file with its problems said all at once. An empty file is a config of defaults. */
export function loadConfig(path: string, env: NodeJS.ProcessEnv = process.env): LoadedConfig {
  return parseConfig(path, read(path), env);
}

/** The same of a text; `file` is what its places are called. */
export function parseConfig(file: string, text: string, env: NodeJS.ProcessEnv = process.env): LoadedConfig {
  const lines = new LineCounter();
  // Keys that are there twice are told with both places below; the library would only name one.
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: false, prettyErrors: false });
  const places = new Places(file, document, lines);
  const fail = (problems: readonly WarroomError[]): never => {
    throw new ConfigProblems([...problems].sort((a, b) => lineAndColumn(a) - lineAndColumn(b)));
  };
  if (document.errors.length > 0)
    fail(document.errors.slice(0, 10).map((error) => syntax(places.at(error.pos[0]), error.message)));

  const doubles = doubleKeys(document).map(({ path, at, first }) =>
    double(path, places.at(at), places.at(first)),
  );
  const value = withoutEmptyParts(plainValue(document, places));
  const parsed = Config.safeParse(value);
  if (!parsed.success)
    return fail([...doubles, ...issueProblems(parsed.error.issues, Config, value, places)]);

  const config = parsed.data;
  const secrets = new Map<string, Secret>();
  const secret = (source: SecretSource, path: ConfigPath = []): Secret => {
    const id = JSON.stringify(source);
    const known = secrets.get(id) ?? readSecret(source, places.of(path), pathText(path), env);
    secrets.set(id, known);
    return known;
  };
  const missing = secretsOf(config).flatMap(({ source, path }) => caught(() => secret(source, path)));
  const problems = [...doubles, ...referenceProblems(config, places), ...missing];
  if (problems.length > 0) return fail(problems);
  return { config, stack: new Stack(config), where: (path) => places.of(path), secret };
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code;
    const error =
      code === 'ENOENT'
        ? new WarroomError('CONFIG_NOT_FOUND', { path }, thrown)
        : new WarroomError(
            'CONFIG_UNREADABLE',
            { path, problem: reason(thrown), user: userInfo().username },
            thrown,
          );
    throw new ConfigProblems([error]);
  }
}

function plainValue(document: ReturnType<typeof parseDocument>, places: Places): unknown {
  try {
    return document.toJS() ?? {};
  } catch (thrown) {
    // An alias that names nothing, or that would unfold without end.
    throw new ConfigProblems([syntax(places.at(0), reason(thrown))]);
  }
}

/** `chat:` with nothing behind it is a part that was left out. */
function withoutEmptyParts(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== null));
}

/** In the order of the file, as a person mends them. */
function lineAndColumn(problem: WarroomError): number {
  const [, line, column] = /:(\d+):(\d+)$/.exec(String(problem.fields['place'])) ?? [];
  return Number(line ?? 0) * 10_000 + Math.min(9_999, Number(column ?? 0));
}

function syntax(place: string, problem: string): WarroomError {
  // What stands behind a colon is a piece of the file: it may be a secret that nobody quoted.
  const sentence = problem.split('\n')[0]?.replace(/[.:]$|: .*$/, '') ?? '';
  return new WarroomError('CONFIG_SYNTAX', {
    place,
    problem: `${sentence}. Indent with spaces, and quote text that holds ": " or " #" or begins with one of @ * & ! % { [ "`,
  });
}

function double(path: readonly string[], place: string, first: string): WarroomError {
  const name = path.at(-1) as string;
  if (path.length === 2 && (path[0] === 'hosts' || path[0] === 'services'))
    return new WarroomError('CONFIG_DUPLICATE', { place, name, first });
  return new WarroomError('CONFIG_VALUE', {
    place,
    path: pathText(path),
    problem: `is written twice (first at ${first}). Keep one.`,
  });
}

function caught(work: () => unknown): WarroomError[] {
  try {
    work();
    return [];
  } catch (thrown) {
    if (thrown instanceof WarroomError) return [thrown];
    throw thrown;
  }
}
