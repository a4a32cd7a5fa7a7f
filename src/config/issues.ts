import type { z } from 'zod';
import { WarroomError } from '../errors/catalogue.ts';
import { example } from './examples.ts';
import { knownKeys } from './known-keys.ts';
import { nearestWord } from './nearest.ts';
import { type ConfigPath, type Places, pathText } from './places.ts';

type Issue = z.core.$ZodIssue;

/** What zod has to say of a config, as sentences with their place. */
export function issueProblems(
  issues: readonly Issue[],
  schema: z.core.$ZodType,
  value: unknown,
  places: Pick<Places, 'of' | 'ofKey'>,
  /** Where that value stands in the config, for the sentences. */
  root: ConfigPath = [],
): WarroomError[] {
  return issues.flatMap((issue) => problemsOf(issue, [], { schema, value, places, root }));
}

interface Context {
  readonly schema: z.core.$ZodType;
  readonly value: unknown;
  readonly places: Pick<Places, 'of' | 'ofKey'>;
  readonly root: ConfigPath;
}

function problemsOf(issue: Issue, above: ConfigPath, context: Context): WarroomError[] {
  const path = [...above, ...issue.path];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(key, path, context));
    case 'invalid_union':
      if (issue.errors.length > 0) return unionProblems(issue.errors, path, context);
      return [wrong(path, oneOf(kindsOf(issue), valueAt(context.value, path)), context)];
    case 'invalid_key':
      return [wrong(path, 'is no name. Use letters, digits, . _ - (63 at most).', context, 'key')];
    default:
      return [wrong(path, wording(issue, valueAt(context.value, path)), context)];
  }
}

/**
 * Of the alternatives that a place may have, the one that was most likely meant: the fewest complaints, where a
 * missing key and a mistyped one count as a single complaint.
 */
function unionProblems(
  branches: readonly (readonly Issue[])[],
  path: ConfigPath,
  context: Context,
): WarroomError[] {
  const misses = branches.map((issues) =>
    issues.find((issue) => issue.path.length === 0 && issue.code !== 'unrecognized_keys'),
  );
  if (misses.every((miss) => miss !== undefined)) {
    const words = [
      ...new Set(
        misses.map(
          (miss) => (miss.code === 'invalid_type' ? TYPES[miss.expected] : undefined) ?? quoted(miss),
        ),
      ),
    ];
    return [
      wrong(path, `must be ${words.join(' or ')}, not ${typeWord(valueAt(context.value, path))}.`, context),
    ];
  }
  const value = valueAt(context.value, path);
  if (typeof value === 'object' && value !== null && Object.keys(value).length === 0) {
    const keys = branches.map((issues) => String(issues[0]?.path[0]));
    return [wrong(path, `needs one of ${keys.join(', ')}.`, context)];
  }
  const best = branches
    .filter((_, i) => misses[i] === undefined)
    .map((issues) => merged(issues, value))
    .sort((a, b) => a.length - b.length || typos(b) - typos(a))[0];
  return (best ?? []).flatMap((issue) => problemsOf(issue, path, context));
}

/** Without the missing keys that a mistyped one stands for. */
function merged(issues: readonly Issue[], value: unknown): Issue[] {
  const unknown = issues.flatMap((issue) => (issue.code === 'unrecognized_keys' ? issue.keys : []));
  return issues.filter((issue) => {
    const key = String(issue.path[0]);
    const missing = issue.path.length === 1 && (value as Record<string, unknown>)?.[key] === undefined;
    return !(missing && unknown.some((typed) => nearestWord(typed, [key])));
  });
}

function typos(issues: readonly Issue[]): number {
  return issues.every((issue) => issue.code === 'unrecognized_keys') ? 1 : 0;
}

function unknownKey(key: string, parent: ConfigPath, { schema, value, places, root }: Context): WarroomError {
  const known = knownKeys(schema, parent, value);
  const near = known.includes(key) ? undefined : nearestWord(key, known);
  const others = known.includes(key)
    ? 'It does not go with the other keys there: keep one.'
    : `Known there: ${known.join(', ')}.`;
  return new WarroomError('CONFIG_UNKNOWN_KEY', {
    place: places.ofKey([...parent, key]),
    key,
    parent: pathText([...root, ...parent]) || 'the config',
    hint: near ? `Did you mean "${near}"?` : others,
  });
}

function wrong(
  path: ConfigPath,
  problem: string,
  { value, places, root }: Context,
  at?: 'key',
): WarroomError {
  const missing = at === undefined && valueAt(value, path) === undefined;
  return new WarroomError('CONFIG_VALUE', {
    place: at === 'key' ? places.ofKey(path) : places.of(path),
    path: pathText([...root, ...path]) || 'the config',
    problem: (missing ? 'is missing.' : problem) + (at === 'key' ? '' : example([...root, ...path])),
  });
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
};

/** The complaint, without the value itself where it is not a fixed choice: it may be a secret in the wrong place. */
function wording(issue: Issue, value: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${TYPES[issue.expected] ?? issue.expected}, not ${issue.expected === 'int' && typeof value === 'number' ? value : typeWord(value)}.`;
    case 'invalid_value':
      return oneOf(issue.values.map(String), value);
    case 'too_big':
      return `must be at most ${issue.maximum}${issue.origin === 'array' ? ' of them' : ''}.`;
    case 'too_small':
      return value === '' || (Array.isArray(value) && value.length === 0)
        ? 'may not be empty.'
        : `must be ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}.`;
    case 'invalid_format':
      return issue.format === 'url' ? 'must be a URL.' : `${issue.message}.`;
    default:
      return `${issue.message}.`;
  }
}

function oneOf(values: readonly string[], value: unknown): string {
  const near = typeof value === 'string' ? nearestWord(value, values) : undefined;
  return `must be one of ${values.join(', ')}.${near ? ` Did you mean ${near}?` : ''}`;
}

function kindsOf(issue: object): string[] {
  return 'options' in issue && Array.isArray(issue.options) ? issue.options.map(String) : [];
}

function quoted(issue: Issue): string {
  return issue.code === 'invalid_value' ? issue.values.map(String).join(' or ') : 'something else';
}

function typeWord(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  return TYPES[typeof value] ?? typeof value;
}

function valueAt(value: unknown, path: ConfigPath): unknown {
  return path.reduce<unknown>(
    (inside, step) => (inside as Record<PropertyKey, unknown> | null | undefined)?.[step],
    value,
  );
}
